/** File drop on real network shares, in a virtual machine that has them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { runInShares, sharesRigMissing } from "../rigs/shares/run-in-shares.ts";

/** Under emulation on a busy machine. */
const TIMEOUT_MS = 290_000;
const LARGE_BYTES = 24 * 1024 * 1024;

for (const share of ["smb", "nfs"] as const) {
  test(`[P46] [P47] [P48] [P49] [P50] [P51] a real share (${share}) is cut in mid-file, does not answer, is unmounted: nothing is lost or doubled, nothing else is held up`, {
    skip: sharesRigMissing(),
  }, async () => {
    const { exitCode, output, console } = await runInShares({
      program: "test/faults/drop-shares.scene.ts",
      args: [share],
      timeoutMs: TIMEOUT_MS,
    });
    assert.equal(exitCode, 0, `${output}\n${console.slice(-2_000)}`);
    const facts = output
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    const whole = { once: true, inWork: 0, inError: 0 };
    assert.deepEqual(facts, [
      { what: "plain", kind: share, warned: share === "nfs", ...whole, archived: 30 },
      { what: "cut", code: "FOLDER_SILENT", whileCut: "AA|WHILE-CUT", ...whole, state: "watching" },
      { what: "unheard", ...whole },
      { what: "unmounted", code: "FOLDER_MOVED", taken: 0, ...whole },
      { what: "store", refused: "STORE_REMOTE" },
      { what: "archive", large: 1, bytes: LARGE_BYTES },
    ]);
  });
}
