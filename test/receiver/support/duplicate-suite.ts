/**
 * What every store has to do about two live copies of one agent (TP33): part of the suite.
 *
 * @module
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { HelloResult, Store } from "#receiver/store/store.ts";

const MINUTE_MS = 60_000;
const NAME = { tenant: "north", name: "ward-1" };

/** Says HELLO as whatever copy of one agent: a letter is a store id and a nonce. */
class Copies {
  readonly #store: Store;
  readonly #agent: number;
  #atMs = 1_700_000_000_000;

  constructor(store: Store, agent: number) {
    this.#store = store;
    this.#agent = agent;
  }

  static async add(store: Store): Promise<Copies> {
    const added = await store.addAgent({ ...NAME, serialHex: "1f", atMs: 1 });
    assert.ok("agent" in added);
    return new Copies(store, added.agent.id);
  }

  pass(ms: number): void {
    this.#atMs += ms;
  }

  /** @returns what each HELLO was answered with, the session as `ok` */
  async greet(letters: string): Promise<string[]> {
    const answers: string[] = [];
    for (const letter of letters) {
      const result = await this.greetOnce(letter);
      answers.push("kind" in result ? result.kind : "ok");
      this.pass(1_000);
    }
    return answers;
  }

  greetOnce(letter: string): Promise<HelloResult> {
    // Copies of one state folder share the store id: only the nonce tells them apart.
    const instanceNonce = new Uint8Array(16).fill(letter.charCodeAt(0));
    const storeId = new Uint8Array(16).fill(7);
    return this.#store.hello({ agent: this.#agent, storeId, instanceNonce, atMs: this.#atMs });
  }
}

/** @param open opens an empty store, and disposes of all it leaves when it is disposed */
export function duplicateSuite(name: string, open: () => Promise<Store>): void {
  const ok = (count: number): string[] => Array.from({ length: count }, () => "ok");
  const withCopies = async (act: (copies: Copies, store: Store) => Promise<void>) => {
    await using store = await open();
    await act(await Copies.add(store), store);
  };

  test(`[TP33] [T-C08] ${name}: a pair that returns for the third time locks the agent`, () =>
    withCopies(async (copies, store) => {
      assert.equal((await store.findAgent(NAME))?.lockedAtMs, null);
      assert.deepEqual(await copies.greet("ABABA"), [...ok(4), "duplicate"]);
      assert.deepEqual(await copies.greet("ABC"), ["locked", "locked", "locked"]);
      const [listed] = await store.listAgents(null);
      assert.equal(listed?.lockedAtMs, 1_700_000_004_000);
    }));

  test(`[TP33] [RI2] ${name}: the lock fences the copy that is connected`, () =>
    withCopies(async (copies, store) => {
      const [agent] = await store.listAgents(null);
      assert.ok(agent);
      await copies.greet("ABA");
      const other = await copies.greetOnce("B");
      assert.ok("session" in other);
      const call = { agent: agent.id, channel: "adt", epoch: 1n, atMs: 1, previous: null };
      assert.equal((await store.open({ ...call, session: other.session })).kind, "ok");
      assert.deepEqual(await copies.greet("A"), ["duplicate"]);
      assert.deepEqual(await store.open({ ...call, session: other.session }), { kind: "fenced" });
    }));

  test(`[TP33] ${name}: reconnects of one pair and restarts with new nonces are no returns`, () =>
    withCopies(async (copies) => {
      assert.deepEqual(await copies.greet("AAAAAA"), ok(6));
      assert.deepEqual(await copies.greet("BCDEFGHIJKLMNOP"), ok(15));
      assert.deepEqual(await copies.greet("PPPP"), ok(4));
    }));

  test(`[TP33] ${name}: two HELLOs that were late on the way do not lock`, () =>
    withCopies(async (copies) => {
      assert.deepEqual(await copies.greet("ABABCCC"), ok(7));
    }));

  test(`[TP33] ${name}: returns count only within a quarter of an hour`, () =>
    withCopies(async (copies) => {
      assert.deepEqual(await copies.greet("ABAB"), ok(4));
      copies.pass(16 * MINUTE_MS);
      assert.deepEqual(await copies.greet("AB"), ok(2));
      // Copies that stay away for 150 to 300 s after FENCED (TP27) are found.
      copies.pass(5 * MINUTE_MS);
      assert.deepEqual(await copies.greet("A"), ["duplicate"]);
    }));

  test(`[TP33] ${name}: the last eight pairs are remembered`, () =>
    withCopies(async (copies) => {
      assert.deepEqual(await copies.greet("ABCDEFGH"), ok(8));
      assert.deepEqual(await copies.greet("I"), ok(1), "A is forgotten");
      assert.deepEqual(await copies.greet("AIAI"), [...ok(3), "duplicate"]);
    }));

  test(`[07 1.7] ${name}: unlock lets it in, counting anew; an agent that is not known is null`, () =>
    withCopies(async (copies, store) => {
      await copies.greet("ABABA");
      const unlocked = await store.unlockAgent(NAME);
      assert.ok(unlocked !== null && "id" in unlocked);
      assert.equal(unlocked.lockedAtMs, null);
      assert.deepEqual(await copies.greet("BABA"), ok(4));
      assert.deepEqual(await copies.greet("B"), ["duplicate"]);
      assert.equal(await store.unlockAgent({ tenant: "north", name: "nobody" }), null);
    }));

  test(`[07 1.7] ${name}: another certificate does not unlock`, () =>
    withCopies(async (copies, store) => {
      await copies.greet("ABABA");
      const added = await store.addAgent({ ...NAME, serialHex: "2f", atMs: 1 });
      assert.ok("agent" in added);
      assert.ok(added.agent.lockedAtMs !== null);
      assert.deepEqual(await copies.greet("C"), ["locked"]);
    }));
}
