/** How long an agent stays away, with a seeded generator (06 TP39): vectors for whoever writes another agent. @module */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import {
  step,
  TUNNEL_START,
  type TunnelEvent,
  type TunnelState,
} from "#agent/tunnel/tunnel-state.ts";

/** How one connection, or one attempt to have one, ended. */
type End =
  | { readonly ends: "unreached" | "barred" }
  | { readonly ends: "lost"; readonly streamedMs: number }
  | { readonly ends: "goaway"; readonly retryAfterMs?: number }
  | { readonly ends: "overloaded"; readonly retryAfterMs: number };

interface BackoffVector {
  readonly name: string;
  /** Of mulberry32; each wait takes one 32-bit output, divided by 2^32. */
  readonly seed: number;
  readonly ends: readonly End[];
  /** Until the next dial, whole milliseconds, rounded down. */
  readonly waitsMs: readonly number[];
}

const file = new URL("../../vectors/tunnel/backoff.json", import.meta.url);
const VECTORS = JSON.parse(readFileSync(file, "utf8")) as readonly BackoffVector[];

function mulberry32(seed: number): () => number {
  let a = seed;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), a | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const STREAMING = ["upgraded", "welcomed"] as const;

/** From the dial to the end of the connection. */
function eventsOf(end: End, nowMs: number, chance: number): TunnelEvent[] {
  const up = STREAMING.map((on) => ({ on }));
  const lost = { on: "lost", nowMs, chance } as const;
  switch (end.ends) {
    case "unreached":
      return [lost];
    case "overloaded":
      return [{ ...lost, retryAfterMs: end.retryAfterMs }];
    case "barred":
      return [{ on: "barred", why: "refused", nowMs, chance }];
    case "lost":
      return [...up, { on: "resumed", nowMs: nowMs - end.streamedMs }, lost];
    case "goaway":
      return [
        ...up,
        { on: "resumed", nowMs },
        { on: "goaway", retryAfterMs: end.retryAfterMs ?? 0 },
        { on: "drained", nowMs, chance },
      ];
  }
}

describe("backoff", () => {
  for (const { name, seed, ends, waitsMs } of VECTORS) {
    test(`[TP27, TP39] vector backoff.json: ${name}`, () => {
      const chance = mulberry32(seed);
      let state: TunnelState = TUNNEL_START;
      const waits = ends.map((end, index) => {
        const nowMs = 1_000_000 * (index + 1);
        for (const event of [{ on: "due" } as const, ...eventsOf(end, nowMs, chance())]) {
          state = step(state, event).state;
        }
        assert.ok("untilMs" in state, state.at);
        return Math.floor(state.untilMs - nowMs);
      });
      assert.deepEqual(waits, waitsMs);
    });
  }
});
