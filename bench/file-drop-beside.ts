/** What files cost the acknowledgments of an MLLP channel of the same agent (04 P1). @module */
import { renameSync } from "node:fs";
import { join } from "node:path";
import { PDF_BYTES } from "./file-drop-large.ts";
import { DropRig } from "./file-drop-rig.ts";
import { quantile } from "./limits.ts";
import type { LoadResult } from "./rig.ts";
import { milliseconds, type Row, ratio, whole } from "./table.ts";

const CONNECTIONS = 10;
const MESSAGE_BYTES = 1_024;
const PACED_PER_SECOND = 50;
const WARM_UP_SECONDS = 1;
/** More than are taken while both loads go on. */
const FILES = 40_000;

/** Senders at full speed, and one at its own pace. */
interface Loads {
  readonly busy: LoadResult;
  readonly paced: LoadResult;
}

interface Round {
  readonly alone: Loads;
  readonly files: Loads;
  /** Small files that were taken a second meanwhile. */
  readonly filesPerSecond: number;
  readonly pdf: Loads;
}

export async function measureBeside(
  folder: string,
  rounds: number,
  seconds: number,
): Promise<Row[]> {
  const all: Round[] = [];
  for (let round = 1; round <= rounds; round++) {
    const alone = await besideNothing(folder, seconds);
    const { loads, filesPerSecond } = await besideFiles(folder, seconds);
    all.push({ alone, files: loads, filesPerSecond, pdf: await besidePdf(folder, seconds) });
    console.error(`beside files: round ${round} of ${rounds} done`);
  }
  return rows(all);
}

const busy = ({ rig }: DropRig, seconds: number): Promise<LoadResult> =>
  rig.load(CONNECTIONS, seconds, MESSAGE_BYTES);
const paced = ({ rig }: DropRig, seconds: number): Promise<LoadResult> =>
  rig.load(1, seconds, MESSAGE_BYTES, PACED_PER_SECOND);

async function besideNothing(folder: string, seconds: number): Promise<Loads> {
  await using drop = await DropRig.make(join(folder, "beside"), "    completion: rename\n");
  await drop.rig.startAgent();
  await busy(drop, WARM_UP_SECONDS);
  return { busy: await busy(drop, seconds), paced: await paced(drop, seconds) };
}

async function besideFiles(
  folder: string,
  seconds: number,
): Promise<{ readonly loads: Loads; readonly filesPerSecond: number }> {
  await using drop = await DropRig.make(join(folder, "beside"), "    completion: rename\n");
  drop.fill(FILES);
  await drop.rig.startAgent();
  await busy(drop, WARM_UP_SECONDS);
  const [startMs, before] = [performance.now(), await drop.channel()];
  const loads = { busy: await busy(drop, seconds), paced: await paced(drop, seconds) };
  const { lastSeq } = await drop.channel();
  const took = (performance.now() - startMs) / 1000;
  if (lastSeq >= FILES) throw new Error("the files gave out before the load did");
  return { loads, filesPerSecond: (lastSeq - before.lastSeq) / took };
}

/** One for each load. */
async function besidePdf(folder: string, seconds: number): Promise<Loads> {
  await using drop = await DropRig.make(
    join(folder, "beside"),
    "    completion: rename\n    content: binary\n",
  );
  for (const name of ["a.tmp", "b.tmp"]) drop.pdf(name, PDF_BYTES);
  await drop.rig.startAgent();
  await busy(drop, WARM_UP_SECONDS);
  const during = async (name: string, load: typeof busy): Promise<LoadResult> => {
    renameSync(join(drop.drop, `${name}.tmp`), join(drop.drop, `${name}.pdf`));
    const result = await load(drop, seconds);
    if (drop.isQuiet) console.error("beside a PDF: it was stored before the load ended");
    await drop.movedMs();
    return result;
  };
  return { busy: await during("a", busy), paced: await during("b", paced) };
}

function rows(all: readonly Round[]): Row[] {
  const median = (pick: (round: Round) => number): number => quantile(all.map(pick), 0.5);
  const row = (
    what: string,
    load: keyof Loads,
    name: string,
    pick: (result: LoadResult) => number,
    beside: "files" | "pdf",
  ): Row => [
    `acknowledgment ${name}, ${what}, beside ${beside === "pdf" ? "a PDF of 500 MiB" : "small files"}`,
    milliseconds(median((r) => pick(r[beside][load]))),
    `${milliseconds(median((r) => pick(r.alone[load])))}, alone`,
    ratio(median((r) => pick(r[beside][load]) / pick(r.alone[load]))),
    "",
  ];
  const table = (["files", "pdf"] as const).flatMap((beside) =>
    (["busy", "paced"] as const).flatMap((load) => {
      const what =
        load === "busy"
          ? `${CONNECTIONS} senders at full speed`
          : `one sender, ${PACED_PER_SECOND} a second`;
      return [
        row(what, load, "p50", ({ p50Ms }) => p50Ms, beside),
        row(what, load, "p99", ({ p99Ms }) => p99Ms, beside),
      ];
    }),
  );
  const rate = (pick: (round: Round) => Loads): number => median((r) => pick(r).busy.perSecond);
  const longest = (pick: (round: Round) => Loads): number =>
    Math.max(...all.flatMap((r) => [pick(r).busy.maxMs, pick(r).paced.maxMs]));
  return [
    ...table,
    [
      "longest acknowledgment in any round beside small files, beside a PDF",
      `${whole(longest((r) => r.files))}, ${whole(longest((r) => r.pdf))} ms`,
      `${whole(longest((r) => r.alone))} ms, alone`,
      "",
      "< 3,000 ms (03 A9)",
    ],
    [
      `acknowledgments/s of ${CONNECTIONS} senders beside small files, beside a PDF`,
      `${whole(rate((r) => r.files))}, ${whole(rate((r) => r.pdf))}/s`,
      `${whole(rate((r) => r.alone))}/s, alone`,
      `${ratio(rate((r) => r.files) / rate((r) => r.alone))}, ${ratio(rate((r) => r.pdf) / rate((r) => r.alone))}`,
      "",
    ],
    ["small files/s beside both loads", `${whole(median((r) => r.filesPerSecond))}/s`, "", "", ""],
  ];
}
