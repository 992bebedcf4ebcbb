import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { AgentError } from "#agent/errors.ts";
import { askLocal, LocalSocket, localSocketPath } from "#agent/host/local-socket.ts";
import { LOCAL_REQUEST_MAX_BYTES } from "#agent/limits.ts";

class State implements Disposable {
  readonly dir = mkdtempSync(join(tmpdir(), "holdfast-socket-"));
  [Symbol.dispose](): void {
    rmSync(this.dir, { recursive: true, force: true });
  }
}

describe("local socket", () => {
  test("answers one request with one JSON line; integers of 64 bits become numbers", async () => {
    using state = new State();
    await using _socket = await LocalSocket.open(state.dir, async (request) => ({
      request,
      seq: 5n,
    }));
    const answer = await askLocal(state.dir, { ask: "status" });
    assert.deepEqual(answer, { answer: { request: { ask: "status" }, seq: 5 } });
  });

  test("is open to its owner only, and gone afterwards", async () => {
    using state = new State();
    const socket = await LocalSocket.open(state.dir, async () => 1);
    assert.equal(statSync(localSocketPath(state.dir)).mode & 0o777, 0o600);
    await socket[Symbol.asyncDispose]();
    assert.ok(!existsSync(localSocketPath(state.dir)));
    await assert.rejects(askLocal(state.dir, {}), { code: "AGENT_NOT_RUNNING", exit: 69 });
  });

  test("replaces the file that a killed agent left", async () => {
    using state = new State();
    writeFileSync(localSocketPath(state.dir), "");
    await using _socket = await LocalSocket.open(state.dir, async () => 1);
    assert.deepEqual(await askLocal(state.dir, {}), { answer: 1 });
  });

  test("[I-6] tells a failure by its code, never by its text", async () => {
    using state = new State();
    const faults = [new AgentError("STORE_BUSY", {}), new TypeError("DOE^JOHN")];
    await using _socket = await LocalSocket.open(state.dir, () => Promise.reject(faults.shift()));
    assert.deepEqual(await askLocal(state.dir, {}), { error: "STORE_BUSY" });
    assert.deepEqual(await askLocal(state.dir, {}), { error: "unknown" });
  });

  test("[I-8] a request that does not end is cut off at its limit; others are served", async () => {
    using state = new State();
    await using _socket = await LocalSocket.open(state.dir, async () => 1);
    const talker = connect(localSocketPath(state.dir));
    talker.on("error", () => {});
    await once(talker, "connect");
    talker.write("x".repeat(LOCAL_REQUEST_MAX_BYTES + 1));
    await once(talker, "close");
    assert.deepEqual(await askLocal(state.dir, {}), { answer: 1 });
  });

  test("[U29] a question that brings a bundle may be long; that it says so is no way to be longer", async () => {
    using state = new State();
    await using _socket = await LocalSocket.open(state.dir, async () => 1, ["configImport"]);
    const bundle = "x".repeat(1_000_000);
    assert.deepEqual(await askLocal(state.dir, { ask: "configImport", bundle }), { answer: 1 });
    await assert.rejects(askLocal(state.dir, { ask: "status", bundle }), /AGENT_NOT_RUNNING/);
    const longer = "x".repeat(8 * 1024 * 1024);
    await assert.rejects(
      askLocal(state.dir, { ask: "configImport", bundle: longer }),
      /AGENT_NOT_RUNNING/,
    );
  });

  test("a request that is no JSON is answered, and a guest who leaves early does no harm", async () => {
    using state = new State();
    await using _socket = await LocalSocket.open(state.dir, async () => 1);
    const guest = connect(localSocketPath(state.dir));
    guest.on("error", () => {});
    guest.write("not json\n");
    const [line] = await once(guest, "data");
    assert.equal(String(line), '{"error":"unknown"}\n');
    guest.destroy();
    assert.deepEqual(await askLocal(state.dir, {}), { answer: 1 });
  });

  test("a path that is too long is refused with what to do", async () => {
    const long = join(tmpdir(), "x".repeat(120));
    await assert.rejects(
      LocalSocket.open(long, async () => 1),
      { code: "LOCAL_SOCKET_FAILED" },
    );
  });
});
