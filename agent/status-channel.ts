/** The reserved channel on which signed heads go up, like any message (06 TP35). @module */
import { hash } from "node:crypto";
import type { MadeHead } from "./audit/heads.ts";
import { AgentError } from "./errors.ts";
import type { Outbox } from "./outbox/outbox.ts";
import { type AppendEntry, CONTROL_KEY_BYTES } from "./outbox/writing/append-batch.ts";

/** No hospital system has a channel of this name. */
export const STATUS_CHANNEL = "$status";
const STORE_DEADLINE_MS = 10_000;

/** @returns when it is durable here @throws {AgentError} `STORE_*` */
export function sendHead(outbox: Outbox, head: MadeHead): Promise<void> {
  const tail = outbox.channels.find(({ name }) => name === STATUS_CHANNEL);
  if (tail === undefined) throw new AgentError("CHANNEL_UNKNOWN", {});
  return new Promise((resolve, reject) => {
    outbox.append([entryOf(tail.channel, head)], STORE_DEADLINE_MS, ([outcome]) => {
      if (outcome?.kind === "refused") reject(outcome.error);
      else resolve();
    });
  });
}

/** Nobody waits for a reply, and it is no repeat. `trace` finds it by its counter. */
function entryOf(channel: number, { counter, atMs, envelope }: MadeHead): AppendEntry {
  const sha256 = hash("sha256", envelope, "buffer");
  return {
    ...{ channel, quarantine: undefined, ackOwed: false, duplicates: "off", duplicateWindowMs: 0 },
    ...{ receivedAtMs: atMs, length: envelope.length, sha256 },
    ...{ controlKey: sha256.subarray(0, CONTROL_KEY_BYTES) },
    controlId: Buffer.from(`status/${counter}`),
    ...{ source: "", body: envelope, upload: 0, uploadAt: 0, uploadBytes: 0, attributes: "" },
    claim: undefined,
  };
}
