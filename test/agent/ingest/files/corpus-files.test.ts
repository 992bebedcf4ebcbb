import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { FileVerdict } from "#agent/ingest/channel.ts";
import { type AsideOfFile, FileDoorwayBench, type KeptOfFile } from "#test/support/file-doorway.ts";
import { textOf } from "#test/support/messages.ts";

const CORPUS = join(import.meta.dirname, "../../../../../shared/corpus");
const skip =
  !existsSync(CORPUS) && "not tested: HL7 files of other projects; ../shared/corpus is absent";
/** 04 P35, on text: a line start that reads MSH and two delimiters. */
const HEADER = /(?<=^\xef\xbb\xbf|^|[\r\n])[ \t]*MSH[^A-Za-z0-9\s][^A-Za-z0-9\s]/;
/** What belongs to nobody: blanks and framing. */
const GAP = " \t\r\n\x0b\x1c";
const WIDE = ["\xff\xfe", "\xfe\xff", "\0M", "M\0"];
const indexOf = ({
  attributes,
}: {
  readonly attributes: Readonly<Record<string, string>>;
}): number => Number(attributes["batch.index"]);

/**
 * Goes through a file from its first byte to its last, and finds each in a message, in the envelope, in
 * quarantine, or among blanks and framing.
 *
 * @throws {AssertionError} on a byte that is nowhere, or twice, or somewhere else
 */
function assertAllThere(
  text: string,
  kept: readonly KeptOfFile[],
  aside: readonly AsideOfFile[],
): void {
  const messages = [...kept, ...aside.filter(({ reason }) => reason !== "leftover")].toSorted(
    (a, b) => indexOf(a) - indexOf(b),
  );
  assert.deepEqual(
    messages.map(indexOf),
    messages.map((_, index) => index),
  );
  const leftovers = aside.filter(({ reason }) => reason === "leftover");
  const common = messages[0]?.attributes ?? {};
  const envelope = (common["batch.envelope"] ?? "").split("\r").filter(Boolean);
  assert.equal(common["batch.count"], String(messages.length));
  let at = text.startsWith("\xef\xbb\xbf") ? 3 : 0;
  while (at < text.length) {
    const [message] = messages;
    const [leftover] = leftovers;
    const [line] = envelope;
    if (leftover !== undefined && Number(leftover.attributes["batch.offset"]) === at) {
      assert.equal(text.slice(at, at + leftover.text.length), leftover.text);
      at += leftovers.shift()?.text.length ?? 0;
    } else if (message !== undefined && text.startsWith(message.text, at)) {
      at += messages.shift()?.text.length ?? 0;
    } else if (line !== undefined && text.startsWith(line, at)) {
      at += envelope.shift()?.length ?? 0;
    } else {
      const shown = JSON.stringify(text.slice(at, at + 40));
      assert.ok(GAP.includes(text[at] ?? "x"), `byte ${at} is nowhere: ${shown}`);
      at += 1;
    }
  }
  assert.deepEqual([messages.length, leftovers.length, envelope.length], [0, 0, 0]);
}

function assertUnfit(text: string, verdict: FileVerdict): void {
  assert.equal(verdict.kind, "unfit");
  if (verdict.kind !== "unfit") return;
  if (verdict.reason === "wideCharacters") assert.ok(WIDE.some((start) => text.startsWith(start)));
  else {
    assert.equal(verdict.reason, "noHeader");
    assert.doesNotMatch(text, HEADER);
  }
}

const files = skip === false ? globSync("**/*.hl7", { cwd: CORPUS }).toSorted() : [];
for (const sliceBytes of [undefined, 64, 1_000]) {
  const how = sliceBytes === undefined ? "whole" : `in slices of ${sliceBytes} bytes`;
  test(`[P35] [P36] [P37] [P38] [P39] every byte of every file of other projects is kept, ${how}`, {
    skip,
  }, async () => {
    // No file, and no message in one, is a repeat of another.
    const rules = { duplicatePolicy: "off", duplicateWindowMs: -1 } as const;
    await using bench = await FileDoorwayBench.open(rules);
    let [keptCount, asideCount, unfitCount] = [0, 0, 0];
    for (const file of files) {
      const bytes = readFileSync(join(CORPUS, file));
      const verdict = await bench.take(bytes, sliceBytes === undefined ? {} : { sliceBytes });
      const kept = (await bench.kept(keptCount)).slice();
      const aside = await bench.aside(asideCount);
      keptCount += kept.length;
      asideCount += aside.length;
      try {
        if (verdict.kind === "committed") assertAllThere(textOf(bytes), kept, aside);
        else {
          unfitCount += 1;
          assert.deepEqual([kept, aside], [[], []]);
          assertUnfit(textOf(bytes), verdict);
        }
      } catch (error) {
        throw new Error(file, { cause: error });
      }
    }
    assert.ok(files.length > 200 && keptCount > 200);
    assert.ok(unfitCount > 0 && unfitCount < 30, `${unfitCount} files hold no message`);
  });
}
