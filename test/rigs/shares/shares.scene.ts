/**
 * What shares.long.ts looks at, from inside the machine: one line of JSON for each fact. Ends with the exit
 * code that it is told.
 *
 * @module
 */
import { spawn } from "node:child_process";
import { existsSync, readFileSync, renameSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import {
  cutNetwork,
  cutReplies,
  EXPORTED,
  MOUNTED,
  mount,
  restoreNetwork,
  SHARES,
  startServer,
  stopServer,
  unmount,
  writeElsewhere,
} from "./inside.ts";
import { OpenElsewhere } from "./open-elsewhere.ts";

/** Longer than a share that answers needs under any load. */
const HANGS_MS = 5_000;
const LOOK_MS = 100;
const STAT = "fs.statSync(path)";
const CREATE = 'fs.writeFileSync(path, "", { flag: "wx" })';

const say = (fact: object): void => void process.stdout.write(`${JSON.stringify(fact)}\n`);

/** Asks a share by a call that holds up its process, which is one of its own, for it may hang. */
async function asker(call: string, path: string) {
  const program = `const path = process.argv[1]; console.log("asks"); ${call}; console.log("answered")`;
  const child = spawn(process.execPath, ["-e", program, path], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  await lines.next();
  const answer: Promise<string> = lines.next().then(({ value }) => value ?? "nothing");
  return { soon: () => Promise.race([answer, pause(HANGS_MS, "hangs")]), answer };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await pause(LOOK_MS);
}

for (const share of SHARES) {
  writeFileSync(join(MOUNTED[share], "through"), `through ${share}`);
  const onServer = readFileSync(join(EXPORTED[share], "through"), "utf8");
  writeElsewhere(share, "elsewhere", `elsewhere ${share}`);
  const here = readFileSync(join(MOUNTED[share], "elsewhere"), "utf8");
  say({ share, onServer, here, kind: statfsSync(MOUNTED[share]).type });
}

// A name that nobody here has asked for: the answer cannot come from a cache.
for (const share of SHARES) writeElsewhere(share, "unseen", "");
cutNetwork();
const hanging = await Promise.all(
  SHARES.map((share) => asker(STAT, join(MOUNTED[share], "unseen"))),
);
const whileCut = await Promise.all(hanging.map(({ soon }) => soon()));
restoreNetwork();
const restored = await Promise.all(hanging.map(({ answer }) => answer));
say({ whileCut, restored });

cutReplies();
const unheard = await Promise.all(
  SHARES.map((share) => asker(CREATE, join(MOUNTED[share], "new"))),
);
await until(() => SHARES.every((share) => existsSync(join(EXPORTED[share], "new"))));
const doneButUnheard = await Promise.all(unheard.map(({ soon }) => soon()));
restoreNetwork();
say({ doneButUnheard, heard: await Promise.all(unheard.map(({ answer }) => answer)) });

const [open, moved] = [join(MOUNTED.smb, "open"), join(MOUNTED.smb, "moved")];
let refusal: unknown;
{
  await using file = await OpenElsewhere.open("open", "r");
  await file.write(0, "written");
  try {
    renameSync(open, moved);
  } catch (error) {
    refusal = (error as NodeJS.ErrnoException).code;
  }
}
renameSync(open, moved);
say({ refusal, moved: readFileSync(moved, "utf8") });

for (const share of SHARES) {
  unmount(share);
  const isMounted = readFileSync("/proc/mounts", "utf8").includes(MOUNTED[share]);
  stopServer(share);
  startServer(share);
  mount(share);
  say({ share, isMounted, again: readFileSync(join(MOUNTED[share], "through"), "utf8") });
}
process.exitCode = Number(process.argv[2]);
