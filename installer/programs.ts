/** The programs that are built, what runs in threads of theirs, and the files they bring along (09 1.3). @module */

export interface Program {
  readonly name: string;
  /** Its first module, from the root of the project. */
  readonly main: string;
  /** First modules of its threads. */
  readonly threads: readonly string[];
  /** From the root, or of a dependency (`node_modules/…`). */
  readonly files: readonly string[];
}

const PAGE_FILES = [
  ...["become.js", "colors.css", "page.css"].map((name) => `pages/assets/${name}`),
  "node_modules/uplot/dist/uPlot.min.css",
  "node_modules/uplot/dist/uPlot.iife.min.js",
];

export const AGENT: Program = {
  name: "holdfast",
  main: "agent/main.ts",
  threads: [
    "agent/folders/worker.ts",
    "agent/outbox/upkeep/backup-worker.ts",
    "agent/outbox/writing/writer.ts",
  ],
  files: ["agent/status-page/assets/day.js", "agent/status-page/assets/live.js", ...PAGE_FILES],
};
