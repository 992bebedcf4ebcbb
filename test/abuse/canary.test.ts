/** Names of patients go in by every door, the agent is killed under load, and nobody finds them (08 R01). */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { askLocal } from "#agent/host/local-socket.ts";
import { sendOnce } from "#test/faults/mllp-sender.ts";
import { inspectStore } from "#test/faults/stored-messages.ts";
import { AgentFolder } from "#test/support/agent-folder.ts";
import { framed, latin1, message } from "#test/support/messages.ts";
import { MllpSocket } from "#test/support/mllp-socket.ts";
import { startAgent } from "#test/support/processes.ts";
import {
  digestNeedles,
  filesBelow,
  hitsBelow,
  hitsIn,
  type Needle,
  needlesOf,
} from "./canaries.ts";

/** None fits the grammar of control ids that may be shown (08 PL4). */
const WORDS = {
  name: "Kanarienvögel^Zita Maria",
  controlId: "KVOGEL#CTRL/7",
  loadControlId: "KVOGEL#LOAD/",
  file: "Fhs Vogelhaus Kanari",
  batch: "Bhs Vogelhaus Kanari",
  trailer: "Bts Vogelhaus Kanari",
  quarantined: "Quarant Vogelhaus",
  junk: "Junkvogel zwischen den",
  large: "Grossvogel in Scheiben",
  cutOff: "Halbvogel abgerissen",
  tooLarge: "Riesenvogel zu gross",
  application: "VOGELAPP&LAB",
} as const;

const withName = (controlId: string): string =>
  message({ 3: WORDS.application, 10: controlId }, `||${WORDS.name}`);

const WHOLE = withName(WORDS.controlId);
const REFUSED = message({ 9: "", 10: WORDS.controlId }, `||${WORDS.quarantined}`);
const BATCH =
  `FHS|^~\\&|${WORDS.file}\rBHS|^~\\&|${WORDS.batch}\r${withName("KVOGEL#B/1")}` +
  `${withName("KVOGEL#B/2")}BTS|2|${WORDS.trailer}\rFTS|1\r`;

function largeWith(word: string, bytes: number): string {
  const line = `OBX|1|TX|||${word}\r`;
  return withName(`${WORDS.controlId}-L`) + line.repeat(Math.ceil(bytes / line.length));
}

const NEEDLES: readonly Needle[] = [
  ...Object.values(WORDS).flatMap(needlesOf),
  ...digestNeedles("a message", latin1(WHOLE)),
  ...digestNeedles("a block that was refused", latin1(REFUSED)),
  ...digestNeedles("a control id", latin1(WORDS.controlId)),
];

/** Everything by its own door. */
async function sendAll(port: number): Promise<void> {
  for (const block of [WHOLE, BATCH, largeWith(WORDS.large, 1_500_000)]) {
    const answer = await sendOnce(port, latin1(block));
    assert.notEqual(answer.kind, "closed");
  }
  assert.equal((await sendOnce(port, latin1(REFUSED))).kind, "other");
  {
    await using socket = await MllpSocket.open(port);
    await socket.send(`${WORDS.junk} Bloecken `, framed(WHOLE));
    await socket.replies(1);
  }
  for (const part of [
    `\x0b${withName("KVOGEL#CUT/1")}OBX|1|TX|||${WORDS.cutOff}`,
    `\x0b${largeWith(WORDS.cutOff, 1_400_000)}`,
    framed(largeWith(WORDS.tooLarge, 2_500_000)),
  ]) {
    await using socket = await MllpSocket.open(port);
    await socket.send(part);
    await pause(300);
    socket.reset();
  }
}

/** Sends until the connection dies. @returns how many were acknowledged */
async function load(port: number, sender: number): Promise<number> {
  for (let count = 0; ; count++) {
    const text = withName(`${WORDS.loadControlId}${sender}-${count}`);
    const { kind } = await sendOnce(port, latin1(text)).catch(() => ({ kind: "closed" }));
    if (kind === "closed") return count;
  }
}

describe("canaries", () => {
  test("[R01] nothing of a message is found in store, log, key files or backup after kill -9 under load", async () => {
    using folder = await AgentFolder.make({ channelYaml: "    maxBlockBytes: 2097152\n" });
    const backup = join(folder.path, "backup");
    let said = "";
    {
      await using agent = startAgent(folder.config);
      said += await agent.ready();
      await sendAll(folder.port);
      const loads = [1, 2, 3, 4].map((sender) => load(folder.port, sender));
      const reply = await askLocal(folder.stateDir, { ask: "backup", folder: backup });
      assert.partialDeepStrictEqual(reply, { answer: { done: { format: 1 } } });
      await agent.end("SIGKILL");
      const counts = await Promise.all(loads);
      assert.ok(
        counts.every((count) => count > 0),
        "all of them were at work",
      );
      said += agent.errors;
    }
    // As it was killed: the log with what was not yet in the database, the slices of what was cut off.
    assert.deepEqual(hitsBelow(folder.stateDir, NEEDLES), []);
    assert.ok(readFileSync(join(folder.stateDir, "outbox/holdfast.db-wal")).length > 0);
    {
      await using agent = startAgent(folder.config);
      said += await agent.ready();
      await sendAll(folder.port);
      await askLocal(folder.stateDir, { ask: "trace", controlId: WORDS.controlId });
      await agent.end("SIGTERM");
      said += agent.errors;
    }
    for (const place of [folder.stateDir, backup]) {
      assert.ok(filesBelow(place).length > 2);
      assert.deepEqual(hitsBelow(place, NEEDLES), []);
    }
    assert.match(said, /blockQuarantined/);
    assert.deepEqual(hitsIn("the log", Buffer.from(said), NEEDLES), []);
    assertAllCame(folder);
  });

  test("[R01] the same search finds each word in each dress, wherever it stands in a file", () => {
    const noise = Buffer.alloc(10_000, "x");
    for (const { word, dress, bytes } of NEEDLES) {
      const planted = Buffer.concat([noise.subarray(0, 4_093), bytes, noise]);
      assert.ok(hitsIn("planted", planted, NEEDLES).length > 0, `${word} as ${dress}`);
    }
    // Not by our own encoding alone.
    for (const word of Object.values(WORDS)) {
      for (const lead of ["", "a", "ab", "abc"]) {
        const base64 = Buffer.from(`${lead}${word}|more`).toString("base64");
        assert.ok(hitsIn("planted", Buffer.from(base64), NEEDLES).length > 0, `${lead}${word}`);
      }
    }
    for (const other of [WORDS.name.toUpperCase(), WORDS.name.toLowerCase(), "kVogel#ctrl/7"]) {
      assert.ok(hitsIn("planted", Buffer.from(`x${other}x`), NEEDLES).length > 0, other);
    }
    assert.deepEqual(hitsIn("noise", noise, NEEDLES), []);
  });

  test("[R01] a store that holds plaintext is found out", async () => {
    using folder = await AgentFolder.make();
    await using agent = await folder.start();
    await sendOnce(folder.port, latin1(WHOLE));
    await agent.end("SIGKILL");
    const file = join(folder.stateDir, "outbox/holdfast.db-wal");
    const copy = Buffer.concat([readFileSync(file), latin1(WHOLE)]);
    assert.deepEqual(hitsIn("as it is", readFileSync(file), NEEDLES), []);
    assert.ok(hitsIn("with a message behind it", copy, NEEDLES).length >= 3);
  });
});

/** The doors were open: with its key the store shows what came in. */
function assertAllCame(folder: AgentFolder): void {
  const { bodies, setAside, reasons } = inspectStore(folder.stateDir);
  // A fragment that was cut elsewhere the second time is kept twice.
  assert.deepEqual(
    reasons.filter((reason) => !reason.startsWith("uniqueness: quarantine")),
    [],
  );
  const stored = [...bodies.values()].map((body) => body.toString("latin1")).join("");
  for (const word of [WORDS.name, WORDS.large]) assert.ok(stored.includes(word), word);
  const kept = [...setAside.values()].map((body) => body.toString("latin1")).join("");
  assert.ok(kept.includes(WORDS.quarantined));
}
