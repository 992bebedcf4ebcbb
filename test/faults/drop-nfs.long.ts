/** File drop on a real network share, in a virtual machine that has one. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { runInShares, sharesRigMissing } from "../rigs/shares/run-in-shares.ts";

/** Under emulation on a busy machine. */
const TIMEOUT_MS = 285_000;

const WHOLE = { once: true, inWork: 0, inError: 0 };

test("[P47] [P48] [P49] [P51] a real share (NFS) whose answers are not heard, and that is unmounted: nothing is lost or doubled, nothing else is taken for it", {
  skip: sharesRigMissing(),
}, async () => {
  const { exitCode, output, console } = await runInShares({
    program: "test/faults/drop-shares.scene.ts",
    args: ["nfs", "unmounted", "unheard"],
    timeoutMs: TIMEOUT_MS,
  });
  assert.equal(exitCode, 0, `${output}\n${console.slice(-2_000)}`);
  const facts = output
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  assert.deepEqual(facts, [
    { what: "plain", kind: "nfs", warned: true, ...WHOLE, archived: 30 },
    { what: "unheard", ...WHOLE },
    { what: "unmounted", code: "FOLDER_MOVED", taken: 0, ...WHOLE },
  ]);
});
