/** What an operator sees and decides, through the commands and a real agent (03 A7, A14, E7; 08 PL4). @module */
import assert from "node:assert/strict";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { AgentFolder } from "#test/support/agent-folder.ts";
import {
  adt,
  framed,
  largeAdt,
  latin1,
  message,
  sha256Of,
  textOf,
} from "#test/support/messages.ts";
import { MllpSocket } from "#test/support/mllp-socket.ts";
import { Started, until } from "#test/support/processes.ts";
import { programFile } from "#test/support/programs.ts";

const MAIN = programFile("agent/main.ts");
/** Stands in every message that is sent here, and may be seen only where content was asked for. */
const SECRET = "DOE^JOHN";

interface Ran {
  readonly out: string;
  readonly errors: string;
  readonly code: number | null;
}

/** Runs one command to its end. */
async function run(...args: readonly string[]): Promise<Ran> {
  await using command = new Started([process.execPath, MAIN, ...args]);
  let out = "";
  command.child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    out += text;
  });
  const { code } = await command.ended;
  return { out, errors: command.errors, code };
}

const jsonOf = <T>({ out }: Ran): T => JSON.parse(out) as T;

interface Entry {
  readonly id: number;
  readonly channel: string;
  readonly reason: string;
  readonly count: number;
  readonly bytes: number;
  readonly sha256: string;
  readonly controlId?: string;
  readonly source: string;
  readonly releasable: boolean;
}

const withSecret = (text: string): string => `${text}NTE|1||${SECRET}\r`;
const BAD = withSecret(message({ 9: "", 10: "Q1" }));
const HEADLESS = `PID|1||${SECRET}\r\x1b[2J\xfc`;
const LARGE = ((): Buffer => {
  const body = largeAdt("BIG", 1_500_000);
  // A mark inside that begins no header: set aside as a whole, in slices.
  body[900_000] = 0x0b;
  return body;
})();

const folder = await AgentFolder.make({ moreChannels: ["oru"] });
let agent: Started;

const asked = (...args: readonly string[]): Promise<Ran> => run(...args, "--config", folder.config);

before(async () => {
  agent = await folder.start();
  const sender = await MllpSocket.open(folder.port);
  await sender.send(
    framed(withSecret(adt("M1"))),
    framed(withSecret(message({ 10: "M2", 15: "AL" }))),
  );
  await sender.send(framed(BAD).repeat(3), framed(HEADLESS));
  await sender.replies(6);
  await sender.send(`\x0b${withSecret(adt("HALF"))}`);
  sender.finish();
  await sender.closed();
  const other = await MllpSocket.open(folder.port);
  await other.send("\x0b", LARGE, "\x1c\r");
  await other.replies(1);
  await other[Symbol.asyncDispose]();
  await sender[Symbol.asyncDispose]();
  await until("everything is set aside", async () => (await list()).length === 4);
});

after(async () => {
  await agent[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

async function list(...more: readonly string[]): Promise<Entry[]> {
  return jsonOf(await asked("quarantine", "list", "--json", ...more));
}

/** The entry with this reason. */
async function entryOf(reason: string): Promise<Entry> {
  const found = (await list()).find((one) => one.reason === reason);
  assert.ok(found !== undefined, `nothing is there with reason ${reason}`);
  return found;
}

const silentAbout = ({ out, errors }: Ran): void => {
  assert.doesNotMatch(`${out}${errors}`, /DOE|JOHN/);
};

describe("holdfast channel list", () => {
  test("[A14, A7] one screen: port, mode in the words for partners, peers, pairs, counters", async () => {
    const screen = await asked("channel", "list", "adt");
    assert.equal(screen.code, 0, screen.errors);
    assert.match(
      screen.out,
      new RegExp(`^adt: 127\\.0\\.0\\.1:${folder.port}, 0 of 16 connections`),
    );
    assert.match(screen.out, /ackMode auto: .*stored safely.*not mean: processed/);
    assert.match(screen.out, /waiting for the receiver: 2 /);
    assert.match(screen.out, /quarantine: 4 /);
    assert.match(screen.out, /127\.0\.0\.1 +- +0 +\d+ +2 /, "address, open, connections, messages");
    assert.match(screen.out, /^ +- +- +1$/m);
    assert.match(screen.out, /^ +AL +- +1$/m);
    assert.match(screen.out, /received 2, /);
    assert.match(screen.out, /quarantinedRepeats 2/);
    assert.doesNotMatch(screen.out, /oru/);
    silentAbout(screen);
    for (const line of screen.out.split("\n")) assert.ok(line.length <= 160, line);
  });

  test("[A14] without a name every channel is shown, also as JSON", async () => {
    const screen = await asked("channel", "list");
    assert.match(screen.out, /^adt: /m);
    assert.match(screen.out, /^oru: /m);
    const all = await asked("channel", "list", "--json");
    assert.equal(all.code, 0);
    const [first, second] = jsonOf<Record<string, unknown>[]>(all);
    assert.deepEqual([first?.["name"], second?.["name"]], ["adt", "oru"]);
    assert.deepEqual([first?.["ackMode"], first?.["waiting"], first?.["tls"]], ["auto", 2, false]);
    const observed = first?.["observed"] as { pairs: unknown; peers: { address: string }[] };
    assert.deepEqual(observed.pairs, [
      { accept: "-", application: "-", count: 1 },
      { accept: "AL", application: "-", count: 1 },
    ]);
    assert.deepEqual(
      observed.peers.map(({ address }) => address),
      ["127.0.0.1"],
    );
    const quiet = { peers: [], pairs: [], warnings: [] };
    assert.deepEqual(second?.["observed"], quiet);
    silentAbout(all);
  });

  test("an unknown name ends with 65 and says what to do", async () => {
    for (const json of [[], ["--json"]]) {
      const { out, errors, code } = await asked("channel", "list", "nobody", ...json);
      assert.deepEqual([code, out], [65, ""]);
      assert.match(errors, /CHANNEL_UNKNOWN/);
      assert.match(errors, /holdfast channel list/);
    }
  });
});

describe("holdfast quarantine list", () => {
  test("[E7] newest first, with count and size, and no content", async () => {
    const entries = await list();
    assert.deepEqual(
      entries.map(({ reason, count, controlId, releasable }) => [
        reason,
        count,
        controlId,
        releasable,
      ]),
      [
        ["embeddedFraming", 1, "BIG", true],
        ["partial", 1, "HALF", false],
        ["noHeader", 1, undefined, true],
        ["noMessageType", 3, "Q1", true],
      ],
    );
    const last = entries.at(-1);
    assert.deepEqual(
      [last?.channel, last?.bytes, last?.sha256],
      ["adt", BAD.length, sha256Of(latin1(BAD))],
    );
    const screen = await asked("quarantine", "list");
    assert.equal(screen.code, 0);
    assert.equal(screen.out.trimEnd().split("\n").length, 5, "a heading and four lines");
    silentAbout(screen);
    silentAbout(await asked("quarantine", "list", "--json"));
  });

  test("[E7] --channel and --limit choose; nothing there is no error", async () => {
    assert.deepEqual((await list("--limit", "2")).length, 2);
    assert.equal((await list("--channel", "adt")).length, 4);
    assert.deepEqual(await list("--channel", "oru"), []);
    const screen = await asked("quarantine", "list", "--channel", "oru");
    assert.deepEqual([screen.code, screen.out], [0, "Nothing of oru is in quarantine\n"]);
    assert.equal((await asked("quarantine", "list", "--limit", "0")).code, 64);
    assert.equal((await asked("quarantine", "list", "--channel", "nope")).code, 65);
  });
});

describe("holdfast quarantine show", () => {
  test("[E7, I-6] without --content it says what and why, and nothing of the content", async () => {
    const { id } = await entryOf("noMessageType");
    const screen = await asked("quarantine", "show", String(id));
    assert.equal(screen.code, 0);
    assert.match(screen.out, /MSH-9 is empty/);
    assert.match(screen.out, /3 times, last /);
    assert.match(screen.out, new RegExp(`holdfast quarantine release ${id} `));
    const json = await asked("quarantine", "show", String(id), "--json");
    assert.equal("content" in jsonOf<object>(json), false);
    for (const one of [screen, json]) silentAbout(one);
  });

  test("[E7] of a fragment it says that it can only be discarded", async () => {
    const { id } = await entryOf("partial");
    const { out } = await asked("quarantine", "show", String(id));
    assert.match(out, /can only be discarded/);
    assert.doesNotMatch(out, /release/);
  });

  test("[X2] --content prints it as text, a segment a line, and no byte of it drives the terminal", async () => {
    const { id } = await entryOf("noHeader");
    const screen = await asked("quarantine", "show", String(id), "--content");
    assert.match(screen.out, /^as windows-1252:$/m);
    assert.match(screen.out, /^PID\|1\|\|DOE\^JOHN$/m);
    assert.match(screen.out, /^\\u\{1b\}\[2Jü$/m);
    assert.equal(screen.out.includes("\x1b"), false);
    const json = await asked("quarantine", "show", String(id), "--content", "--json");
    const { content, encoding } = jsonOf<{ content: string; encoding: string }>(json);
    assert.deepEqual([content, encoding], [HEADLESS.replace("\xfc", "ü"), "windows-1252"]);
  });

  test("[E7] --out writes the bytes as they are to a new private file, and never over another one", async () => {
    for (const [reason, bytes] of [
      ["noHeader", latin1(HEADLESS)],
      ["embeddedFraming", LARGE],
    ] as const) {
      const { id } = await entryOf(reason);
      const file = join(folder.path, `${reason}.hl7`);
      const wrote = await asked("quarantine", "show", String(id), "--out", file);
      assert.equal(wrote.code, 0, wrote.errors);
      silentAbout(wrote);
      assert.equal(sha256Of(readFileSync(file)), sha256Of(bytes));
      assert.equal(statSync(file).mode & 0o777, 0o600);
      const again = await asked("quarantine", "show", String(id), "--out", file);
      assert.equal(again.code, 73);
      assert.match(again.errors, /FILE_EXISTS/);
    }
    const { id } = await entryOf("noHeader");
    const nowhere = join(folder.path, "no/such/folder/x");
    assert.equal((await asked("quarantine", "show", String(id), "--out", nowhere)).code, 73);
  });

  test("unknown numbers end with 65, what is no number with 64", async () => {
    const { out, errors, code } = await asked("quarantine", "show", "4711");
    assert.deepEqual([code, out], [65, ""]);
    assert.match(errors, /QUARANTINE_UNKNOWN/);
    for (const text of ["0", "-1", "x", "1.5"]) {
      assert.equal((await asked("quarantine", "show", text)).code, 64, text);
    }
  });
});

describe("holdfast quarantine release and discard", () => {
  test("[E7] a released block is a message behind the others; a fragment is refused; a number works once", async () => {
    const { id: fragment } = await entryOf("partial");
    const refused = await asked("quarantine", "release", String(fragment));
    assert.deepEqual([refused.code, refused.out], [65, ""]);
    assert.match(refused.errors, /QUARANTINE_NOT_WHOLE/);
    const { id } = await entryOf("noMessageType");
    const released = await asked("quarantine", "release", String(id), "--json");
    assert.equal(released.code, 0, released.errors);
    assert.deepEqual(jsonOf(released), { id, seq: 3 });
    silentAbout(released);
    const again = await asked("quarantine", "release", String(id));
    assert.equal(again.code, 65);
    assert.match(again.errors, /QUARANTINE_UNKNOWN/);
    const { id: large } = await entryOf("embeddedFraming");
    const screen = await asked("quarantine", "release", String(large));
    assert.match(screen.out, new RegExp(`^${large} is message 4 of its channel`));
    assert.deepEqual(
      (await list()).map(({ reason }) => reason),
      ["partial", "noHeader"],
    );
    const [channel] = jsonOf<{ waiting: number; quarantineCount: number }[]>(
      await asked("channel", "list", "adt", "--json"),
    );
    assert.deepEqual([channel?.waiting, channel?.quarantineCount], [4, 2]);
  });

  test("[E7] release stops at the first number that cannot be released; those before it are released", async () => {
    await sendBad("R1");
    await sendBad("R2");
    const [second, first] = await list();
    const { id: fragment } = await entryOf("partial");
    const args = [first?.id, fragment, second?.id].map(String);
    const stopped = await asked("quarantine", "release", ...args, "--json");
    assert.equal(stopped.code, 65);
    assert.equal(jsonOf<{ id: number }>(stopped).id, first?.id);
    const left = (await list()).map(({ id }) => id);
    assert.deepEqual(
      [left.includes(first?.id ?? 0), left.includes(second?.id ?? 0)],
      [false, true],
    );
  });

  test("[E7] discard forgets several, says how many, and ends with 65 where one was not there", async () => {
    const { id: fragment } = await entryOf("partial");
    const gone = await asked("quarantine", "discard", String(fragment), "--json");
    assert.deepEqual([gone.code, jsonOf(gone)], [0, { discarded: 1 }]);
    await sendBad("D1");
    const [newest] = await list();
    const some = await asked("quarantine", "discard", String(newest?.id), "4711");
    assert.equal(some.code, 65);
    assert.match(some.out, /^1 discarded/);
    assert.match(some.errors, /QUARANTINE_UNKNOWN/);
    assert.equal(
      (await list()).some(({ id }) => id === newest?.id),
      false,
    );
    const twice = (await list())[0]?.id;
    const same = await asked("quarantine", "discard", String(twice), String(twice));
    assert.deepEqual([same.code, same.out], [0, "1 discarded\n"]);
  });

  test("[E7] without a number both are refused as usage, and nothing changes", async () => {
    const count = (await list()).length;
    assert.equal((await asked("quarantine", "release")).code, 64);
    assert.equal((await asked("quarantine", "discard")).code, 64);
    assert.equal((await list()).length, count);
  });
});

async function sendBad(id: string): Promise<void> {
  await using sender = await MllpSocket.open(folder.port);
  await sender.send(framed(withSecret(message({ 9: "", 10: id }))));
  await sender.replies(1);
}

test("[I-6, PL4] nothing of a message's content was ever logged, whatever was asked for", () => {
  assert.match(agent.errors, /quarantineReleased/);
  assert.match(agent.errors, /quarantineDiscarded/);
  assert.doesNotMatch(agent.errors, /DOE|JOHN/);
});

test("commands without a running agent end with 69", async () => {
  using other = await AgentFolder.make();
  for (const args of [
    ["channel", "list"],
    ["quarantine", "list"],
    ["quarantine", "show", "1"],
    ["quarantine", "release", "1"],
    ["quarantine", "discard", "1"],
  ]) {
    const { code, out } = await run(...args, "--config", other.config);
    assert.deepEqual([code, out], [69, ""], args.join(" "));
  }
});

test("[C3] the same commands find a configuration by its path alone, and name a fault in it", async () => {
  const broken = join(folder.path, "broken.yaml");
  writeFileSync(broken, "channels: 7\n");
  assert.equal((await run("channel", "list", "--config", broken)).code, 78);
  assert.equal(textOf(readFileSync(broken)), "channels: 7\n");
});
