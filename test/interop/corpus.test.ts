import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { AgentStack } from "#test/support/agent-stack.ts";
import { latin1, sha256Of } from "#test/support/messages.ts";
import type { MllpSocket } from "#test/support/mllp-socket.ts";
import { until } from "#test/support/processes.ts";

const VT = latin1("\x0b");
const END = latin1("\x1c\r");
const CORPUS = join(import.meta.dirname, "../../../shared/corpus");
const skip =
  !existsSync(CORPUS) && "not tested: 346 HL7 files of other projects; ../shared/corpus is absent";

/** Files as they are; what holds a framing byte cannot be sent over MLLP, what is blank is no message. */
function framable(): Buffer[] {
  const names = globSync("*/**/*", { cwd: CORPUS, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  const files = names.map((entry) => readFileSync(join(entry.parentPath, entry.name)));
  const blank = (bytes: Buffer): boolean => bytes.toString("latin1").trim() === "";
  return files.filter((bytes) => !bytes.includes(0x0b) && !bytes.includes(0x1c) && !blank(bytes));
}

test("[F8, E2, X1] every file of the corpus is acknowledged or refused by name, and its bytes are kept", {
  skip,
}, async () => {
  await using agent = await AgentStack.open();
  await using sender = await agent.connect();
  const files = framable();
  assert.ok(files.length > 300, `${files.length} files`);
  const codes = new Map<string, string>();
  for (const [index, bytes] of files.entries()) {
    const sentinel = `MSH|^~\\&|SENTINEL||||||ADT^A01|S${index}|P|2.5\r`;
    await sender.send(Buffer.concat([VT, bytes, END, VT, latin1(sentinel), END]));
    codes.set(sha256Of(bytes), await replyBefore(sender, `S${index}`));
  }
  const kept = new Set((await agent.messages()).map(({ sha256 }) => sha256));
  const aside = new Map((await agent.quarantine()).map((row) => [row.sha256, row.reason]));
  for (const [sha256, code] of codes) {
    const reason = aside.get(sha256);
    assert.equal(kept.has(sha256), reason === undefined, sha256);
    if (reason === undefined) assert.match(code, /^(?:[AC]A|)$/);
    else assert.match(code, /^(?:[AC]R|)$/, reason);
  }
  assert.ok(kept.size > 300, `${kept.size} were accepted`);
});

/** MSA-1 of what came between the last sentinel's reply and that of `sentinel`; empty for nothing. */
async function replyBefore(sender: MllpSocket, sentinel: string): Promise<string> {
  await until(`the reply to ${sentinel}`, () => sender.received.includes(`|${sentinel}\r`));
  const acknowledged = await sender.acknowledged(1);
  const previous = acknowledged.at(-2) ?? "";
  return previous.startsWith("AA S") ? "" : previous.slice(0, 2);
}
