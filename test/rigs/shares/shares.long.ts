import assert from "node:assert/strict";
import { test } from "node:test";
import { runInShares, sharesRigMissing } from "./run-in-shares.ts";

const EXIT_CODE = 7;
/** Under emulation on a busy machine; 40 s on a quiet one. */
const TIMEOUT_MS = 240_000;
/** statfs(2): SMB2_SUPER_MAGIC, NFS_SUPER_MAGIC. */
const KINDS = { smb: 0xfe534d42, nfs: 0x6969 };

test("[P46] the rig of network shares: both are real, hang while the network is cut, and come back", {
  skip: sharesRigMissing(),
}, async (context) => {
  const { exitCode, output, accelerator, console } = await runInShares({
    program: "test/rigs/shares/shares.scene.ts",
    args: [`${EXIT_CODE}`],
    timeoutMs: TIMEOUT_MS,
  });
  context.diagnostic(
    `on ${accelerator}, ${console.match(/shares: ready .*/)?.[0]} s after its start`,
  );
  assert.equal(exitCode, EXIT_CODE, output);
  const written = (share: "smb" | "nfs") => ({
    share,
    onServer: `through ${share}`,
    here: `elsewhere ${share}`,
    kind: KINDS[share],
  });
  const remounted = (share: "smb" | "nfs") => ({
    share,
    isMounted: false,
    again: `through ${share}`,
  });
  const [hang, answered] = [Array(2).fill("hangs"), Array(2).fill("answered")];
  const facts: unknown[] = output
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  assert.deepEqual(facts, [
    written("smb"),
    written("nfs"),
    { whileCut: hang, restored: answered },
    { doneButUnheard: hang, heard: answered },
    // STATUS_SHARING_VIOLATION, as Linux says it.
    { refusal: "EBUSY", moved: "written" },
    remounted("smb"),
    remounted("nfs"),
  ]);
});
