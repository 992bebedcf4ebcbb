/** Every file of the corpus, whatever it is, dropped at once: nothing of it is lost, and nothing is unaccounted for. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { DropStack, type Sent } from "#test/support/drop-stack.ts";
import { sha256Of, textOf } from "#test/support/messages.ts";

const CORPUS = join(import.meta.dirname, "../../../shared/corpus");
const skip =
  !existsSync(CORPUS) && "not tested: 354 files of other projects; ../shared/corpus is absent";

interface Dropped {
  readonly name: string;
  /** One character a byte. */
  readonly text: string;
}

function corpus(): Dropped[] {
  return readdirSync(CORPUS, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => ({
      name: path.slice(CORPUS.length + 1).replaceAll("/", "__"),
      text: textOf(readFileSync(path)),
    }))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** 04 P36: a segment of an envelope, up to the end of its line; P37: a mark at the start, and framing. */
const ENVELOPE = /(^|[\r\n\v])(?:\xef\xbb\xbf)?[FB][HT]S[^\w\s][^\r\n]*/g;
const MARK = "\xef\xbb\xbf";
const END = "\x1c";

/**
 * What of a file is in no message: an envelope, blanks, framing, or a block of quarantine. Worked out by searching for
 * what was kept, in order, and shares no code with the agent.
 *
 * @returns the rest, which should be empty
 */
function unaccounted(text: string, sent: readonly Sent[], aside: readonly string[]): string {
  let at = 0;
  const gaps: string[] = [];
  for (const message of sent) {
    const begin = text.indexOf(message.text, at);
    if (begin < 0) return `a message that is not there: ${message.controlId}`;
    gaps.push(text.slice(at, begin));
    at = begin + message.text.length;
  }
  gaps.push(text.slice(at));
  const longest = aside.toSorted((a, b) => b.length - a.length);
  return gaps
    .map((gap) => longest.reduce((rest, block) => rest.replace(block, "\r"), gap))
    .map((gap) => gap.replaceAll(ENVELOPE, "$1").replaceAll(END, "").replace(MARK, ""))
    .filter((gap) => gap.trim() !== "")
    .join("\n---\n");
}

async function setAside({ outbox }: DropStack): Promise<{ reason: string; text: string }[]> {
  const rows = await outbox.quarantined(Number.MAX_SAFE_INTEGER, 10_000);
  return await Promise.all(
    rows.map(async ({ id, reason, length }) => {
      const block = await outbox.quarantinedBlock(id, 0, Math.max(length, 1));
      return { reason, text: textOf(block?.bytes) };
    }),
  );
}

test("[P35, P36, P37, P38, P39, P31, X1] every byte of every file of the corpus is in a message, an envelope, a gap, or set aside by name", {
  skip,
  timeout: 120_000,
}, async () => {
  // Every message, though several files have it.
  const config = { duplicateFilePolicy: "off", duplicatePolicy: "off", zeroByteWaitSeconds: 1 };
  await using stack = await DropStack.open({ config });
  const files = corpus();
  assert.ok(files.length >= 346, `${files.length} files`);
  for (const { name, text } of files) stack.put(name, text);
  await stack.settled();

  const sent = Map.groupBy(await stack.messages(), (one) => one.attributes["file.name"] ?? "");
  const blocks = await setAside(stack);
  const aside = blocks.map(({ text }) => text);
  const archived = new Set(stack.files("archive").map((name) => name.split("/").at(-1)));
  const error = new Set(stack.files("error"));
  for (const { name, text } of files) {
    const own = sent.get(name) ?? [];
    sent.delete(name);
    const place = archived.has(name) ? "archive" : "error";
    const path = stack.files(place).find((one) => one.split("/").at(-1) === name);
    assert.equal(stack.read(place, path ?? ""), text, `${name} in ${place}/`);
    if (place === "archive") {
      assert.equal(unaccounted(text, own, aside), "", name);
      continue;
    }
    const { code } = JSON.parse(stack.read("error", `${name}.reason.json`));
    assert.match(code, /^(?:noHeader|wideCharacters|empty)$/, name);
    assert.equal(code === "empty", text === "", name);
    assert.equal(code === "noHeader" && /(?:^|[\r\n])MSH\|/.test(text), false, name);
    assert.deepEqual(own, [], name);
  }
  assert.deepEqual([...sent.keys()], [], "messages of files that nobody dropped");
  assert.equal(archived.size + error.size / 2, files.length);
  // Bytes that no file has.
  for (const { reason, text } of blocks) {
    assert.ok(
      files.some((file) => file.text.includes(text)),
      `${reason} ${sha256Of(Buffer.from(text, "latin1"))}`,
    );
  }
  const rows = await stack.rows();
  assert.ok(rows.every(({ state }) => state === "moved"));
});
