/** Peers that are not allowed and come again and again: a sender that was moved, or somebody who tries (08 PL10). @module */
import { type Facts, identifierFrom } from "../errors.ts";
import type { Clock } from "../host/clock.ts";
import type { Conditions } from "./conditions.ts";

const REFUSALS_COUNT = 10;
const WINDOW_MS = 600_000;
/** A flood of addresses is the listener's matter; those seen first are counted. */
const PEERS_MAX_COUNT = 64;

export interface RefusedPeersParts {
  readonly clock: Clock;
  readonly conditions: Conditions;
}

export class RefusedPeers {
  readonly #channel: string;
  readonly #parts: RefusedPeersParts;
  /** By address: when each refusal was, monotonic, the newest ones. */
  readonly #refusals = new Map<string, readonly number[]>();

  constructor(channel: string, parts: RefusedPeersParts) {
    this.#channel = channel;
    this.#parts = parts;
  }

  /** @param address of a peer that `allow` does not name */
  refused(address: string): void {
    const { clock, conditions } = this.#parts;
    const nowMs = clock.monotonicMs();
    if (!this.#refusals.has(address) && this.#refusals.size >= PEERS_MAX_COUNT) this.#forget(nowMs);
    const recent = (this.#refusals.get(address) ?? []).filter((atMs) => nowMs - atMs < WINDOW_MS);
    const all = [...recent, nowMs].slice(-REFUSALS_COUNT);
    if (this.#refusals.has(address) || this.#refusals.size < PEERS_MAX_COUNT) {
      this.#refusals.set(address, all);
    }
    if (all.length < REFUSALS_COUNT) return;
    const facts: Facts = { peer: identifierFrom(address), count: all.length };
    conditions.openFor("peerRefused", this.#channel, facts, clock, WINDOW_MS);
  }

  /** Those that have not come for the whole window. */
  #forget(nowMs: number): void {
    for (const [address, [...times]] of this.#refusals) {
      if (nowMs - (times.at(-1) ?? 0) >= WINDOW_MS) this.#refusals.delete(address);
    }
  }
}
