/** Questions that wait for a second person. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { QuestionDesk } from "#receiver/console/question-desk.ts";
import { COMMAND_MAX_BYTES } from "#receiver/limits.ts";
import type { WholeStore } from "#receiver/store/whole-store.ts";
import { command, KEYS, signed } from "#test/support/signed-documents.ts";
import { openTemporaryStore } from "../support/temporary-store.ts";

const AUTHOR = { name: "Ana", certificate: "a1" };

function questionAt(nowMs: number, args: Record<string, unknown> = {}): Uint8Array {
  const at = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;
  const times = { issuedAt: at(nowMs), expires: at(nowMs + 600_000) };
  const about = { tenant: "north", agent: "ward-1", op: "status.get", args };
  return new Uint8Array(signed("command", command({ ...about, ...times }), KEYS.command));
}

/** A store that takes nothing for hospitals. */
const withoutQueue = (store: WholeStore): WholeStore =>
  new Proxy(store, {
    get(target, name) {
      if (name === "enqueue") return () => Promise.resolve({ kind: "busy" });
      const found: unknown = Reflect.get(target, name, target);
      return typeof found === "function" ? found.bind(target) : found;
    },
  });

describe("the desk of questions", () => {
  const nowMs = Date.now();

  test("[01 Receive] a question that could not be sent waits again", async () => {
    await using store = await openTemporaryStore();
    await store.registry.registerAgent({ tenant: "north", name: "ward-1", atMs: 1 });
    const [desk, broken] = [new QuestionDesk(store), new QuestionDesk(withoutQueue(store))];
    const envelope = questionAt(nowMs);
    await desk.propose(await desk.read(envelope), { envelope, author: AUTHOR, nowMs });
    const [{ key = "" } = {}] = await desk.waiting(nowMs);
    await assert.rejects(broken.send(key, nowMs), { code: "STORE_FULL" });
    assert.equal((await desk.waiting(nowMs))[0]?.key, key);
    assert.equal((await desk.send(key, nowMs))?.op, "status.get");
    assert.equal(await desk.send(key, nowMs), undefined);
  });

  test("[01 Receive] what is too large to be sent is not taken in, and one person does not fill the desk", async () => {
    await using store = await openTemporaryStore();
    await store.registry.registerAgent({ tenant: "north", name: "ward-1", atMs: 1 });
    const desk = new QuestionDesk(store);
    const large = questionAt(nowMs, { text: "a".repeat(COMMAND_MAX_BYTES - 2_000) });
    await assert.rejects(desk.read(large), { code: "COMMAND_REFUSED" });
    const envelope = questionAt(nowMs);
    const question = await desk.read(envelope);
    for (let count = 0; count < 20; count++) {
      await desk.makeSure(AUTHOR, nowMs);
      await desk.propose(question, { envelope, author: AUTHOR, nowMs });
    }
    await assert.rejects(desk.makeSure(AUTHOR, nowMs), { code: "CONSOLE_TOO_MUCH" });
    await desk.makeSure({ name: "Bea", certificate: "b2" }, nowMs);
  });
});
