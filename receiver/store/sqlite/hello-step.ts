/**
 * HELLO (TP10, TP33), inside the writer's transaction.
 *
 * @module
 */
import { greet } from "../greetings.ts";
import type { HelloCall, HelloResult } from "../store.ts";
import type { Prepared } from "./prepared.ts";

/**
 * Begins a session, or locks the agent.
 *
 * @throws {TypeError} if the agent was never added: a connection has one that passed the gate
 */
export function hello(sql: Prepared, call: HelloCall): HelloResult {
  const row = sql.readGreetings.get(call.agent);
  if (row === undefined) throw new TypeError("Cannot greet an agent that is not registered");
  const [lockedMs, greetings] = row;
  if (lockedMs !== null) return { kind: "locked" };
  const { memory, isDuplicate } = greet(greetings, call);
  if (isDuplicate) {
    // The session is counted up, so that the other copy is fenced too, on whatever node it is.
    sql.lockAgent.run(call.atMs, call.agent);
    return { kind: "duplicate" };
  }
  const { storeId, instanceNonce, atMs, agent } = call;
  const [session] = sql.beginSession.get(storeId, instanceNonce, atMs, memory, agent) ?? [];
  return { session: Number(session) };
}
