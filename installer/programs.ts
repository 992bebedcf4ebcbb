/** The programs that are built, what runs in threads of theirs, and the files they bring along (09 1.3). @module */

import type { AddOnName } from "#packaged/add-ons.ts";
import type { Platform } from "./runtime.ts";

export interface Program {
  readonly name: string;
  /** As Windows shows it. */
  readonly title: string;
  /** Its first module, from the root of the project. */
  readonly main: string;
  /** First modules of its threads. */
  readonly threads: readonly string[];
  /** Native code that it asks for. */
  readonly addOns: readonly AddOnName[];
  /** From the root, or of a dependency (`node_modules/…`). */
  readonly files: readonly string[];
  /** Sources in whose place others are built in, such as the vendor's root of trust (`releases/root.ts`): their text. */
  readonly replaced?: Readonly<Record<string, string>>;
}

const PAGE_FILES = [
  ...["become.js", "colors.css", "page.css"].map((name) => `pages/assets/${name}`),
  "node_modules/uplot/dist/uPlot.min.css",
  "node_modules/uplot/dist/uPlot.iife.min.js",
];

/** What `holdfast service install` writes. */
const LINUX_FILES = [
  "holdfast-rekey.service",
  "holdfast-rekey.timer",
  "holdfast.service",
  "holdfast.socket",
  "sysusers.conf",
  "tmpfiles.conf",
].map((name) => `installer/linux/${name}`);

export const AGENT: Program = {
  name: "holdfast",
  title: "Holdfast gateway",
  main: "agent/main.ts",
  threads: [
    "agent/folders/worker.ts",
    "agent/host/loop-watchdog-thread.ts",
    "agent/outbox/upkeep/backup-worker.ts",
    "agent/outbox/writing/writer.ts",
  ],
  addOns: ["better-sqlite3", "koffi"],
  files: [
    "agent/status-page/assets/day.js",
    "agent/status-page/assets/live.js",
    ...PAGE_FILES,
    ...LINUX_FILES,
  ],
};

export const RECEIVER: Program = {
  name: "holdfast-receiver",
  title: "Holdfast receiver",
  main: "receiver/main.ts",
  threads: ["receiver/store/sqlite/writer.ts"],
  addOns: ["better-sqlite3", "koffi"],
  files: [
    ...["console-live.js", "console.css", "waits.js"].map(
      (name) => `receiver/console/assets/${name}`,
    ),
    ...PAGE_FILES,
  ],
};

/** For those who sign, on a machine of their own: never in the agent's package. */
export const SIGN_TOOL: Program = {
  name: "holdfast-sign",
  title: "Holdfast signing tool",
  main: "documents/cli/main.ts",
  threads: [],
  addOns: [],
  files: [],
};

/** The receiver runs on Linux. */
export const programsFor = (platform: Platform): readonly Program[] =>
  platform === "win-x64" ? [AGENT, SIGN_TOOL] : [AGENT, RECEIVER, SIGN_TOOL];
