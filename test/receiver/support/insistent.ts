/**
 * Callers of a store that is in trouble: each call is made again while it is answered BUSY, as the
 * sink does.
 *
 * @module
 */
import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { CHAIN_START } from "#protocol/chain.ts";
import type { Store } from "#receiver/store/store.ts";
import { allMessages } from "#receiver/store/walk.ts";
import { chainOf } from "./store-suite.ts";

/** A store that starts again needs the processor more than whoever waits for it. */
const AGAIN_MS = 5;

type Busy = { readonly kind: "busy" };

export interface Answered<T> {
  readonly answer: Exclude<T, Busy>;
  /** How often it was answered BUSY before. */
  readonly busyCount: number;
}

/** Makes `call` until it is answered anything but BUSY. */
export async function insist<T extends object>(call: () => Promise<T>): Promise<Answered<T>> {
  for (let busyCount = 0; ; busyCount++) {
    const answer: T = await call();
    // Nothing else has that kind.
    if (!isBusy(answer)) return { answer: answer as Exclude<T, Busy>, busyCount };
    await pause(AGAIN_MS);
  }
}

function isBusy(answer: object): boolean {
  return "kind" in answer && answer.kind === "busy";
}

/** @returns `a1`, `a2` … of `name` */
export function bodiesOf(name: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${name}${index + 1}`);
}

/** Every one of `bodies` is there once, in order, and the chain says the same. */
export async function assertStored(
  store: Store,
  agent: number,
  bodies: readonly string[],
): Promise<void> {
  const rows: string[] = [];
  const range = { after: { epoch: 0n, seq: 0n }, upTo: { epoch: 2n ** 62n, seq: 0n } };
  for await (const row of allMessages(store, { agent, channel: "adt", ...range, withBody: true })) {
    rows.push(`${row.epoch}.${row.seq}:${Buffer.from(row.body ?? []).toString("latin1")}`);
  }
  const expected = bodies.map((body, index) => `1.${index + 1}:${body}`);
  assert.deepEqual(rows, expected);
  const [channel] = await store.listChannels(agent, "");
  const chain = bodies.length === 0 ? CHAIN_START : chainOf(1n, ...bodies);
  assert.deepEqual(Buffer.from(channel?.chain ?? []), Buffer.from(chain));
}
