/**
 * HELLO (TP10, TP33). What is remembered of the agent is read, thought about, and changed only if it
 * is still what was read: no lock is held while the answer travels, so that a node that is paused in
 * between keeps nobody waiting.
 *
 * @module
 */
import { GREETING_TRIES } from "../../limits.ts";
import { greet } from "../greetings.ts";
import type { HelloCall, HelloResult } from "../store.ts";
import type { Questions } from "./questions.ts";

/** @throws {TypeError} if the agent was never added: a connection has one that passed the gate */
export async function hello(questions: Questions, call: HelloCall): Promise<HelloResult> {
  const { agent, storeId, instanceNonce, atMs } = call;
  for (let tries = 0; tries < GREETING_TRIES; tries++) {
    const [row] = await questions.rows<[string | null, string | null]>("readGreetings", [agent]);
    if (row === undefined) throw new TypeError("Cannot greet an agent that is not registered");
    const [lockedMs, before] = row;
    if (lockedMs !== null) return { kind: "locked" };
    const { memory, isDuplicate } = greet(before, call);
    const [changed] = isDuplicate
      ? await questions.rows<[string]>("lockAgent", [agent, before, atMs])
      : await questions.rows<[string]>("beginSession", [
          agent,
          before,
          storeId,
          instanceNonce,
          atMs,
          memory,
        ]);
    if (changed !== undefined) {
      return isDuplicate ? { kind: "duplicate" } : { session: Number(changed[0]) };
    }
  }
  return { kind: "busy" };
}
