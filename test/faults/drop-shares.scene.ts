/**
 * Inside the machine of the shares: file drop on a real CIFS and a real NFS mount, with everything that can happen to
 * them. Says one line of JSON for each fact; `drop-smb.long.ts` and `drop-nfs.long.ts` compare them.
 *
 * @module
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { AgentError } from "#agent/errors.ts";
import { systemChance, systemClock } from "#agent/host/clock.ts";
import { Outbox } from "#agent/outbox/outbox.ts";
import { AgentStack } from "#test/support/agent-stack.ts";
import { DropStack } from "#test/support/drop-stack.ts";
import { adt, framed, largeAdt } from "#test/support/messages.ts";
import { until } from "#test/support/processes.ts";
import { TEST_KEK } from "#test/support/test-keys.ts";
import {
  cutNetwork,
  cutReplies,
  EXPORTED,
  LOCAL_FOLDER,
  MOUNTED,
  mount,
  restoreNetwork,
  type Share,
  unmount,
  writeElsewhere,
} from "../rigs/shares/inside.ts";

const PATIENCE_MS = 120_000;
const FILES = 30;
const LARGE_BYTES = 24 * 1024 * 1024;
const share = process.argv[2] as Share;
/** Which of the parts below are played; the first one always is. */
const parts = new Set(process.argv.slice(3));

const withBigints = (_: string, value: unknown): unknown =>
  typeof value === "bigint" ? String(value) : value;
const say = (fact: object): void =>
  void process.stdout.write(`${JSON.stringify(fact, withBigints)}\n`);

/** Names below a folder of the share, as its server has them: nothing here hangs. */
function onServer(folder: string): string[] {
  const path = join(EXPORTED[share], folder);
  if (!existsSync(path)) return [];
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name)
    .sort();
}

const put = (name: string, content: string | Uint8Array): void =>
  void writeElsewhere(share, join("in", name), content);

async function settled(stack: DropStack): Promise<void> {
  await until(
    "all is moved",
    async () => {
      if (onServer("in").length > 0) return false;
      return (await stack.outbox.files.of("files").open()).length === 0;
    },
    PATIENCE_MS,
  ).catch((error: unknown) => {
    say({ status: stack.drop.status, conditions: stack.conditions.list() });
    throw error;
  });
}

/** Whether each of these is in the outbox once, with equal bytes, and nothing else since `from`. */
async function judge(stack: DropStack, from: number, expected: readonly Uint8Array[]) {
  const sent = (await stack.messages()).slice(from);
  const key = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1");
  const found = sent.map(({ bytes }) => key(bytes)).sort();
  const wanted = expected.map(key).sort();
  return {
    once: found.length === wanted.length && found.every((one, index) => one === wanted[index]),
    inWork: onServer("work").length,
    inError: onServer("error").length,
  };
}

const batch = (letter: string): { name: string; bytes: Buffer }[] =>
  Array.from({ length: FILES }, (_, n) => {
    const name = `${letter}${String(n).padStart(3, "0")}`;
    return { name: `${name}.hl7`, bytes: Buffer.from(adt(name), "latin1") };
  });

mkdirSync(join(MOUNTED[share], "in"));
const base = join(LOCAL_FOLDER, share);
mkdirSync(base, { recursive: true });
const at = (name: string): string => join(MOUNTED[share], name);
await using mllp = await AgentStack.open({ stateDir: join(base, "mllp") });
await using stack = await DropStack.open({
  base,
  config: {
    folder: at("in"),
    workFolder: at("work"),
    archiveFolder: at("archive"),
    errorFolder: at("error"),
  },
  pickup: { stableForMs: 1_000 },
  settings: { silenceMs: 15_000, pollMs: 500 },
});
let count = 0;

/** An MLLP sender of another channel, while something is wrong with the share. */
async function acknowledged(controlId: string): Promise<string> {
  await using socket = await mllp.connect();
  await socket.send(framed(adt(controlId)));
  const [said = ""] = await socket.acknowledged(1);
  return said;
}

// As every day.
const plain = batch("A");
for (const { name, bytes } of plain) put(name, bytes);
await settled(stack);
const { standing } = stack.drop.status;
say({
  what: "plain",
  kind: standing?.kind,
  warned: stack.isOpen("stableTooShort"),
  ...(await judge(
    stack,
    0,
    plain.map(({ bytes }) => bytes),
  )),
  archived: onServer("archive").length,
});
count = (await stack.messages()).length;

if (parts.has("cut")) await cutInMidFile();
if (parts.has("unheard")) await unheardAnswers();
if (parts.has("unmounted")) await unmounted();
if (parts.has("store")) await storeOnShare();

/** The network goes while a large file is being read, with others behind it. */
async function cutInMidFile(): Promise<void> {
  const large = largeAdt("LARGE", LARGE_BYTES);
  const behind = batch("B");
  put("A-large.hl7", large);
  for (const { name, bytes } of behind) put(name, bytes);
  await until(
    "it is claimed",
    async () => (await stack.rows()).some(({ state }) => state === "claimed"),
    PATIENCE_MS,
  );
  cutNetwork();
  await until("unreachable", () => stack.drop.status.state === "unreachable", PATIENCE_MS);
  const code = stack.drop.status.error?.code;
  const whileCut = await acknowledged("WHILE-CUT");
  await pause(5_000);
  restoreNetwork();
  await settled(stack);
  say({
    what: "cut",
    code,
    whileCut,
    ...(await judge(stack, count, [large, ...behind.map(({ bytes }) => bytes)])),
    state: stack.drop.status.state,
    archived: sizeOf("A-large.hl7"),
  });
  count = (await stack.messages()).length;
}

/** What the server does is not heard of: claims and moves whose outcome is unclear (P51). */
async function unheardAnswers(): Promise<void> {
  const unheard = batch("C");
  for (const { name, bytes } of unheard) put(name, bytes);
  await until(
    "claimed",
    async () => (await stack.rows()).some(({ state }) => state === "claimed"),
    PATIENCE_MS,
  );
  cutReplies();
  await until("unreachable", () => stack.drop.status.state === "unreachable", PATIENCE_MS);
  await pause(3_000);
  restoreNetwork();
  await settled(stack);
  say({
    what: "unheard",
    ...(await judge(
      stack,
      count,
      unheard.map(({ bytes }) => bytes),
    )),
  });
  count = (await stack.messages()).length;
}

/** The path is an empty folder of this machine then, or has what somebody puts there. */
async function unmounted(): Promise<void> {
  await until("idle", () => stack.drop.status.state === "watching", PATIENCE_MS);
  unmount(share, "-l");
  await until("unreachable", () => stack.drop.status.state === "unreachable", PATIENCE_MS);
  const moved = stack.drop.status.error?.code;
  mkdirSync(at("in"), { recursive: true });
  writeFileSync(join(at("in"), "not-ours.hl7"), adt("NOT-OURS"));
  await pause(3_000);
  const taken = (await stack.messages()).length - count;
  mount(share);
  const after = batch("D");
  for (const { name, bytes } of after) put(name, bytes);
  await settled(stack);
  say({
    what: "unmounted",
    code: moved,
    taken,
    ...(await judge(
      stack,
      count,
      after.map(({ bytes }) => bytes),
    )),
  });
  count = (await stack.messages()).length;
}

/** P50: the promise rests on the local store, which may not lie on a share. */
async function storeOnShare(): Promise<void> {
  let refused = "none";
  try {
    const outbox = await Outbox.open({
      ...{ stateDir: at("state"), allowVolatileState: true, channels: [{ name: "files" }] },
      ...{ clock: systemClock, chance: systemChance, kek: TEST_KEK, onFatal: () => {} },
    });
    await outbox[Symbol.asyncDispose]();
  } catch (error) {
    refused = error instanceof AgentError ? error.code : String(error);
  }
  say({ what: "store", refused });
}

function sizeOf(name: string): number {
  const root = join(EXPORTED[share], "archive");
  const found = readdirSync(root, { recursive: true, withFileTypes: true }).find(
    (one) => one.name === name,
  );
  return found === undefined ? -1 : readFileSync(join(found.parentPath, name)).length;
}
