import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { makePair } from "#scripts/make-pair.ts";
import { type ExportLine, exported } from "#test/faults/kill-rounds/oracle.ts";
import { framed, latin1, message, sha256Of, textOf } from "#test/support/messages.ts";
import { MllpSocket } from "#test/support/mllp-socket.ts";
import { agentStatus, startAgent, startReceiver, until } from "#test/support/processes.ts";
import { StoreFile } from "#test/support/store-file.ts";
import { type Fate, fateOf } from "./corpus-model.ts";

const CORPUS = join(import.meta.dirname, "../../../shared/corpus");
const skip =
  !existsSync(CORPUS) && "not tested: 346 HL7 files of other projects; ../shared/corpus is absent";

/** Every file as it is, one character a byte, checked against the digest that the index has of it. */
function corpus(): string[] {
  const [, ...lines] = readFileSync(join(CORPUS, "INDEX.tsv"), "utf8").trimEnd().split("\n");
  return lines.map((line) => {
    const [file = "", ...facts] = line.split("\t");
    const bytes = readFileSync(join(CORPUS, file));
    assert.equal(sha256Of(bytes), facts.at(-1), file);
    return textOf(bytes);
  });
}

const withCr = (text: string): string => text.replaceAll(/\r\n|\n/g, "\r");
const sentinel = (index: number): string => message({ 3: "SENTINEL", 10: `S${index}` });

/** `MSA-1 MSA-2` of every acknowledgment in one reply block, whatever its delimiters. */
function acknowledgments(reply: string): string[] {
  const msas = reply.split("\r").filter((segment) => segment.startsWith("MSA"));
  return msas.map((msa) => (msa.split(msa[3] ?? "|").slice(1, 3) as string[]).join(" "));
}

/** The replies to each payload: everything before its sentinel's, in order. */
function repliesTo(payloads: readonly string[], received: string): string[][][] {
  const blocks = received.split("\x1c\r").slice(0, -1).map(acknowledgments);
  return payloads.map((_, index) => {
    const end = blocks.findIndex(([first]) => first === `AA S${index}`);
    assert.notEqual(end, -1, `sentinel ${index} was not answered`);
    return blocks.splice(0, end + 1).slice(0, -1);
  });
}

/** Sends everything over one connection without waiting. @returns every byte that came back */
async function sendAll(port: number, payloads: readonly string[]): Promise<string> {
  await using sender = await MllpSocket.open(port);
  for (const [index, payload] of payloads.entries()) {
    await sender.send(framed(payload), framed(sentinel(index)));
  }
  const last = `|S${payloads.length - 1}\r`;
  const limitMs = 60_000;
  await until(
    "the last reply",
    () => sender.isClosed || sender.received.includes(last, sender.received.length - 300),
    limitMs,
  );
  return sender.received;
}

/** What the receiver must hold, oldest first: what came before is answered and not delivered again (D1). */
function delivered(fates: readonly Fate[]): string[] {
  const all = fates.flatMap(({ stored }, index) => [...stored, sha256Of(latin1(sentinel(index)))]);
  return [...new Set(all)];
}

/** `reason sha256 repeats` of all that must lie in quarantine: what came before is only counted (E7). */
function setAside(fates: readonly Fate[]): string[] {
  const counts = new Map<string, number>();
  for (const { reason, sha256 } of fates.flatMap(({ aside }) => aside)) {
    const key = `${reason} ${sha256}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return [...counts].map(([key, count]) => `${key} ${count - 1}`).toSorted();
}

test("[F8, F12, E2, A4, A11, D1, X1] every file of the corpus, as it is and with CR, reaches the receiver byte for byte or is refused by name", {
  skip,
  timeout: 120_000,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-corpus-"));
  try {
    const files = corpus();
    assert.equal(files.length, 346);
    // A form in which a file does not change is sent again all the same: it is a repeat then.
    const payloads = [...files, ...files.map(withCr)];
    const fates = payloads.map(fateOf);
    const pair = await makePair({ folder });
    await using receiver = startReceiver(pair.receiverConfig);
    await receiver.ready();
    await using agent = startAgent(pair.agentConfig);
    await agent.ready();

    const replies = repliesTo(payloads, await sendAll(pair.mllp.port, payloads));
    for (const [index, { replies: owed }] of fates.entries()) {
      assert.deepEqual(replies[index], owed, JSON.stringify(payloads[index]?.slice(0, 100)));
    }

    const waiting = async (): Promise<number> =>
      (await agentStatus(pair.agentConfig)).channels[0]?.waiting ?? -1;
    await until("everything has reached the receiver", async () => (await waiting()) === 0, 60_000);
    const held: ExportLine[] = [];
    for await (const line of exported(pair.receiverConfig)) held.push(line);
    const digests = held.map(({ body = "" }) => sha256Of(Buffer.from(body, "base64")));
    assert.deepEqual(digests, delivered(fates));
    assert.ok(digests.length > payloads.length, `${digests.length} messages`);
    assert.deepEqual(
      held.map(({ sha256 }) => sha256),
      digests,
    );

    const { conditions } = await agentStatus(pair.agentConfig);
    const wrong = conditions.filter(({ condition }) => condition !== "volatileState");
    assert.deepEqual(wrong, []);
    assert.deepEqual(await agent.end("SIGTERM"), { code: 0, signal: null });
    using store = new StoreFile(join(folder, "agent/state"));
    const kept = store.quarantine();
    assert.deepEqual(
      kept.map((row) => `${row.reason} ${row.sha256} ${row.repeatCount}`).toSorted(),
      setAside(fates),
    );
    // Otherwise the corpus, or the model, is not what it was.
    assert.deepEqual([...new Set(kept.map(({ reason }) => reason))].toSorted(), [
      "embeddedFraming",
      "headerTooShort",
      "junk",
      "noHeader",
      "noMessageType",
    ]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
