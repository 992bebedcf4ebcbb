/** A dial that must fail, and what it failed with. @module */
import assert from "node:assert/strict";
import type { ErrorCode, Facts } from "#agent/errors.ts";
import { systemClock } from "#agent/host/clock.ts";
import { type DialOptions, type DialStep, dial } from "#agent/tunnel/dial.ts";
import { issueAgent } from "#test/receiver/support/identities.ts";
import { identityOf } from "./test-tunnel.ts";

export interface Refused {
  readonly code: ErrorCode;
  readonly facts: Facts;
  /** What was done before it failed. */
  readonly steps: readonly DialStep[];
}

export const AGENT_IDENTITY = identityOf(await issueAgent("north/ward-1"));

/** @returns how the dial failed */
export async function refused(
  receiverUrl: URL,
  options: Partial<DialOptions> = {},
): Promise<Refused> {
  const steps: DialStep[] = [];
  try {
    const { webSocket } = await dial({
      receiverUrl,
      identity: AGENT_IDENTITY,
      clock: systemClock,
      signal: new AbortController().signal,
      onStep: (step) => void steps.push(step),
      ...options,
    });
    webSocket.terminate();
  } catch (error) {
    const { code, facts } = error as Refused;
    return { code, facts, steps };
  }
  throw new assert.AssertionError({ message: "the dial was not refused" });
}
