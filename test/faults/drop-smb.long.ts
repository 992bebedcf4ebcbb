/** File drop on a real network share, in a virtual machine that has one. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { runInShares, sharesRigMissing } from "../rigs/shares/run-in-shares.ts";

/** Under emulation on a busy machine. */
const TIMEOUT_MS = 285_000;
const LARGE_BYTES = 24 * 1024 * 1024;
const WHOLE = { once: true, inWork: 0, inError: 0 };

test("[P46] [P48] [P50] a real share (SMB) is cut in mid-file and comes back: nothing is lost or doubled, nothing else is held up", {
  skip: sharesRigMissing(),
}, async () => {
  const { exitCode, output, console } = await runInShares({
    program: "test/faults/drop-shares.scene.ts",
    args: ["smb", "cut", "store"],
    timeoutMs: TIMEOUT_MS,
  });
  assert.equal(exitCode, 0, `${output}\n${console.slice(-2_000)}`);
  const facts = output
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  assert.deepEqual(facts, [
    { what: "plain", kind: "smb", warned: false, ...WHOLE, archived: 30 },
    {
      what: "cut",
      code: "FOLDER_SILENT",
      whileCut: "AA WHILE-CUT",
      ...WHOLE,
      state: "watching",
      archived: LARGE_BYTES,
    },
    { what: "store", refused: "STORE_REMOTE" },
  ]);
});
