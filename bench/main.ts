/**
 * `npm run bench`: what the agent does, beside the limit measured in the same run.
 *
 *   npm run bench                         five interleaved rounds of everything, a backlog of 1,000,000
 *   npm run bench -- --rounds 3 --seconds 3 --backlog 0
 *   npm run bench -- --only backlog --backlog 5000000
 *   npm run bench -- --only plot --backlogs 0,10000,100000,1000000
 *
 * `--only` takes one part: ingest (PF01-PF03, PF05, PF11), slowFlush (PF04), backlog (PF06, PF07), memory
 * (PF08), bodies (PF09), fileDrop (04), mllp (03 F11), crowd, watching (08), slowLink (T-P04, T-N05),
 * executable (09 T-K02 to T-K04), fleet (T-N09, of `--agents 2000`). Two are not among everything: poorLink (T-N04), which takes hours, and
 * plot, which draws `bench/latency-and-memory.svg`. Needs Linux and gcc. A backlog takes 3 KB of disk a message,
 * half of them at the receiver; one of 5,000,000 takes a quarter of an hour or two.
 *
 * Prints a table in Markdown: medians, and each round's ratio. `bench/RESULTS.md` keeps the ones worth
 * keeping, with date, commit and machine.
 *
 * @module
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { measureBacklog } from "./backlog.ts";
import { measureBodies } from "./bodies.ts";
import { measureCrowd } from "./crowd.ts";
import { CURVE_LOAD, curveRows, measureCurve } from "./curve.ts";
import { measureExecutable } from "./executable.ts";
import { measureFileDrop } from "./file-drop.ts";
import { measureFleet } from "./fleet.ts";
import { measureIngest } from "./ingest.ts";
import { measureMemory } from "./memory.ts";
import { measureMllp } from "./mllp.ts";
import { plot } from "./plot.ts";
import { measurePoorLink } from "./poor-link.ts";
import { measureSlowFlush } from "./slow-flush.ts";
import { measureSlowLink } from "./slow-link.ts";
import { print, type Row } from "./table.ts";
import { measureWatching } from "./watching.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const PLOT = join(root, "bench/latency-and-memory.svg");
const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "4" },
    backlog: { type: "string", default: "1000000" },
    agents: { type: "string", default: "2000" },
    backlogs: { type: "string", default: "0,10000,100000,1000000" },
    only: { type: "string" },
  },
});
const rounds = Number(values.rounds);
const seconds = Number(values.seconds);
const backlog = Number(values.backlog);

/** In the order of the table. */
const PARTS = {
  ingest: (folder) => measureIngest(folder, rounds, seconds),
  slowFlush: (folder) => measureSlowFlush(folder, rounds, seconds),
  backlog: (folder) =>
    backlog > 0 ? measureBacklog(folder, backlog, rounds, seconds) : Promise.resolve([]),
  memory: (folder) => measureMemory(folder, rounds, seconds),
  bodies: (folder) => measureBodies(folder, rounds, seconds),
  fileDrop: (folder) => measureFileDrop(folder, rounds, seconds),
  mllp: (folder) => measureMllp(folder, rounds, seconds),
  crowd: (folder) => measureCrowd(folder, rounds, seconds),
  watching: (folder) => measureWatching(folder, rounds, seconds),
  slowLink: (folder) => measureSlowLink(folder, rounds),
  poorLink: () => measurePoorLink(),
  executable: (folder) => measureExecutable(folder),
  fleet: (folder) => measureFleet(folder, Number(values.agents)),
  plot: (folder) => drawPlot(folder),
} as const satisfies Record<string, (folder: string) => Promise<Row[]>>;

const { only } = values;
/** They take hours, or draw. */
const BY_NAME: readonly string[] = ["poorLink", "plot"];
if (only !== undefined && !Object.hasOwn(PARTS, only)) {
  throw new Error(`--only takes one of ${Object.keys(PARTS).join(", ")}`);
}
const wanted = (part: string): boolean =>
  only === undefined ? !BY_NAME.includes(part) : only === part;

/** Which run this is. */
function heading(): string {
  const commit = execFileSync("git", ["rev-parse", "--short", "HEAD"], {
    cwd: root,
    encoding: "utf8",
  });
  const machine = `${cpus().length} × ${cpus()[0]?.model}, ${Math.round(totalmem() / 1e9)} GB`;
  return `${new Date().toISOString()}, commit ${commit.trim()}, ${machine}, Node ${process.version}`;
}

async function drawPlot(folder: string): Promise<Row[]> {
  const points = await measureCurve(
    folder,
    values.backlogs.split(",").map(Number),
    rounds,
    seconds,
  );
  writeFileSync(PLOT, plot(points, [CURVE_LOAD, heading()]));
  return curveRows(points);
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(root, "build-bench-"));
  try {
    console.log(heading());
    const table: Row[] = [];
    for (const [part, measure] of Object.entries(PARTS)) {
      if (wanted(part)) table.push(...(await measure(folder)));
    }
    print(table);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

await main();
