/** The whole way of files, through every method of a worker. Run by `windows.test.ts`. @module */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import type { Isolation } from "#agent/folders/conversation.ts";
import { FolderHand } from "#agent/folders/hand.ts";
import type { Candidate, PickupSettings } from "#agent/folders/messages.ts";
import { systemClock } from "#agent/host/clock.ts";
import { DropFolder, REASON } from "#test/support/drop-folder.ts";
import { DropStack } from "#test/support/drop-stack.ts";
import { adt } from "#test/support/messages.ts";
import { until } from "#test/support/processes.ts";
import type { Scenes } from "#test/support/scenes.ts";

const MINUTE_MS = 60_000;

/** Every method once, over the border of a thread or a process, on the real clock. */
async function throughAll(isolation: Isolation, changes: Partial<PickupSettings> = {}) {
  using folder = new DropFolder({ stableForMs: 60, ...changes });
  await using hand = await FolderHand.open({ isolation, silenceMs: MINUTE_MS, clock: systemClock });
  const standing = await hand.call("open", folder.settings);
  const hinted = Promise.withResolvers<void>();
  hand.onHint(() => hinted.resolve());
  const findings = await hand.call("test", undefined);
  assert.deepEqual(
    findings.filter(({ sysCode, warning }) => sysCode !== undefined || warning !== undefined),
    [],
  );
  for (const name of ["a.hl7", "b.hl7", "c.hl7", "d.hl7"]) folder.drop(name, `MSH|${name}\r`);
  if (standing.kind === "local") await hinted.promise;
  let found: readonly Candidate[] = [];
  await until("four are complete", async () => {
    found = (await hand.call("poll", undefined)).candidates;
    return found.length === 4;
  });
  const claims = found.map(({ token }) => ({ token, claim: folder.newClaim() }));
  const outcomes = await hand.call("claim", claims);
  assert.deepEqual(
    outcomes.map(({ outcome }) => outcome),
    ["claimed", "claimed", "claimed", "claimed"],
  );
  assert.deepEqual(folder.list("drop"), []);
  const all = found.map(({ files }, at) => ({ claim: claims[at]?.claim ?? "", files }));
  const [a, b, c, d] = all;
  assert.ok(a !== undefined && b !== undefined && c !== undefined && d !== undefined);
  const places = await hand.call("whereIs", all);
  assert.ok(places.every(({ place }) => place === "work"));
  const read = await hand.call("read", { claims: [a, b], maxBytes: 1_000 });
  const texts = read.map((one) => one.outcome === "whole" && Buffer.from(one.bytes).toString());
  assert.deepEqual(texts, ["MSH|a.hl7\r", "MSH|b.hl7\r"]);
  const [begun] = await hand.call("read", { claims: [a], maxBytes: 4 });
  assert.equal(begun?.outcome, "large");
  const part = await hand.call("readPart", { claim: a.claim, maxBytes: 100 });
  assert.equal(Buffer.from(part).toString(), "MSH|a.hl7\r");
  assert.equal((await hand.call("readEnd", { claim: a.claim })).outcome, "unchanged");
  const move = { ...folder.move(a), reason: REASON };
  const [moved] = await hand.call("archive", { moves: [move], after: "archive" });
  assert.ok(moved?.outcome === "moved");
  const [aside] = await hand.call("aside", [{ ...folder.move(b), reason: REASON }]);
  assert.equal(aside?.outcome, "moved");
  const [gone] = await hand.call("archive", { moves: [folder.move(d)], after: "delete" });
  assert.equal(gone?.outcome, "moved");
  await hand.call("putBack", [c]);
  assert.deepEqual(folder.list("drop"), ["c.hl7"]);
  writeFileSync(folder.at("work", `${"f".repeat(16)}.d.stray.hl7`), "MSH|");
  assert.equal(await hand.call("strays", []), 1);
  assert.deepEqual(folder.list("drop"), ["c.hl7", "stray.hl7"]);
  assert.deepEqual(folder.list("work"), []);
  assert.deepEqual(folder.list("archive"), ["2025/01/02/a.hl7"]);
  assert.deepEqual(folder.list("error"), ["b.hl7", "b.hl7.reason.json"]);
  writeFileSync(folder.at("archive", "2025", "01", "02", "a.hl7"), "MSH|written to");
  const written = await hand.call("lookBack", [{ ...move, targets: moved.targets }]);
  assert.deepEqual(written, [{ claim: a.claim, found: "copied" }]);
  const ask = { folder: "archive", beforeMs: Date.UTC(2026, 0, 1), kept: [] } as const;
  assert.equal((await hand.call("prune", ask)).deleted, 1);
  assert.deepEqual(folder.list("archive"), []);
  return standing;
}

export const WAY_SCENES: Scenes = {
  "[P17, P20, P22, P27, P31] a thread takes files through every method": async () => {
    const { kind, canLink } = await throughAll("thread");
    assert.deepEqual({ kind, canLink }, { kind: "local", canLink: true });
  },

  "[P46] a process does, too": async () => {
    await throughAll("process");
  },

  "[P1, P22, P25] a whole channel takes files into its store, and goes on after it was killed":
    async () => {
      await using stack = await DropStack.open();
      const large = adt("LARGE", "x".repeat(3_000_000));
      stack.put("a.hl7", `${adt("A1")}${adt("A2")}`);
      stack.put("large.hl7", large);
      stack.put("none.hl7", "no header at all");
      await stack.settled();
      await stack.kill();
      stack.put("b.hl7", adt("B"));
      await stack.reopen();
      await stack.settled();
      const sent = (await stack.messages()).map(({ text }) => text).sort();
      assert.deepEqual(sent, [adt("A1"), adt("A2"), adt("B"), large].sort());
      assert.deepEqual(stack.archived.sort(), ["a.hl7", "b.hl7", "large.hl7"]);
      assert.deepEqual(stack.files("error"), ["none.hl7", "none.hl7.reason.json"]);
      return undefined;
    },
};
