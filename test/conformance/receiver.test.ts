/** The runner against our own receiver, as it is shipped: processes, TLS, SQLite. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { startReceiver } from "#test/support/processes.ts";
import { conformance, exportCommand, PairFolder } from "./runs.ts";

test("[TP40] our receiver conforms: no scenario fails, none is skipped", async () => {
  using folder = await PairFolder.make();
  const { receiver, receiverConfig } = folder.pair;
  await using started = startReceiver(receiverConfig);
  await started.ready();
  const { code, out, lines } = await conformance(
    ...["--receiver", receiver, "--identity", folder.agentIdentity],
    ...["--export", exportCommand(receiverConfig)],
  );
  assert.deepEqual(
    lines.filter((line) => !line.startsWith("ok ")),
    [],
    out,
  );
  assert.ok(lines.length > 60, out);
  assert.equal(code, 0);
  assert.ok(started.isRunning, "the receiver is still there");
});

test("[TP40] without --export a scenario is skipped, says why, and the exit is 1", async () => {
  using folder = await PairFolder.make();
  const { receiver, receiverConfig } = folder.pair;
  await using started = startReceiver(receiverConfig);
  await started.ready();
  const { code, lines } = await conformance(
    ...["--receiver", receiver, "--identity", folder.agentIdentity, "--only", "RI7"],
  );
  assert.equal(lines.length, 1);
  assert.match(lines[0] ?? "", /^skipped {2}\[RI7\] .*: no --export COMMAND/);
  assert.equal(code, 1);
});
