/** The receiver and the tool of those who sign, as executables (09 1.3). */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { RECEIVER, SIGN_TOOL } from "#installer/programs.ts";
import { makePair } from "#scripts/make-pair.ts";
import { BuiltExecutable, canRun } from "#test/support/built-executable.ts";
import { adt, framed } from "#test/support/messages.ts";
import { MllpSocket } from "#test/support/mllp-socket.ts";
import { agentStatus, startAgent, until } from "#test/support/processes.ts";

const skip = canRun ? false : "the executables of Linux x64 do not run here";

test("[09 1.3] the receiver's executable takes messages, shows its console's files, and refuses native code that is not its own", {
  skip,
}, async () => {
  using built = await BuiltExecutable.build(RECEIVER);
  const root = mkdtempSync(join(tmpdir(), "holdfast-pair-"));
  try {
    const pair = await makePair({ folder: root });
    const serve = ["serve", "--config", pair.receiverConfig];
    const nowhere = built.command(serve, built.env({ HOLDFAST_LIB_DIR: "lib" }));
    assert.match(nowhere.out, /\[ADD_ON_UNUSABLE error=ADD_ON_NO_FOLDER\]/);
    assert.equal(nowhere.status, 78);
    await using receiver = built.start(serve);
    await receiver.ready();
    await using agent = startAgent(pair.agentConfig);
    await agent.ready();
    await using sender = await MllpSocket.open(pair.mllp.port);
    await sender.send(framed(adt("M1")));
    await sender.acknowledged(1);
    await until("the receiver has it", async () => {
      const { channels } = await agentStatus(pair.agentConfig);
      return Number(channels.find(({ name }) => name === "adt")?.ackedSeq) === 1;
    });
    const { out } = built.command(["export", "--config", pair.receiverConfig]);
    assert.match(out, /M1/);
    assert.equal((await receiver.end("SIGTERM")).code, 0, receiver.errors);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});

test("[09 1.3] the signing tool's executable makes keys, and brings no native code", {
  skip,
}, async () => {
  using built = await BuiltExecutable.build(SIGN_TOOL);
  const out = join(built.folder, "author");
  const made = built.command(["keygen", "--out", out, "--no-passphrase"]);
  assert.equal(made.status, 0, made.out);
  assert.ok(existsSync(`${out}.pub.pem`));
  assert.ok(!existsSync(join(built.folder, "cache")));
});
