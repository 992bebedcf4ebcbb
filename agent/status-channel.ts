/** The reserved channel on which signed heads and alarms go up, like any message (06 TP35). @module */
import { hash } from "node:crypto";
import type { MadeHead } from "./audit/heads.ts";
import { AgentError } from "./errors.ts";
import type { Outbox } from "./outbox/outbox.ts";
import { type AppendEntry, CONTROL_KEY_BYTES } from "./outbox/writing/append-batch.ts";

/** No hospital system has a channel of this name. */
export const STATUS_CHANNEL = "$status";
const STORE_DEADLINE_MS = 10_000;

/** One record on it: a head, or what is open of alarms. */
export interface StatusRecord {
  /** `trace` finds it by this. */
  readonly controlId: string;
  readonly atMs: number;
  readonly bytes: Uint8Array;
}

/** @returns when it is durable here @throws {AgentError} `STORE_*` */
export const sendHead = (outbox: Outbox, { counter, atMs, envelope }: MadeHead): Promise<void> =>
  sendRecord(outbox, { controlId: `status/${counter}`, atMs, bytes: envelope });

/** @returns when it is durable here @throws {AgentError} `STORE_*`; `CHANNEL_UNKNOWN` without the channel */
export function sendRecord(outbox: Outbox, record: StatusRecord): Promise<void> {
  const tail = outbox.channels.find(({ name }) => name === STATUS_CHANNEL);
  if (tail === undefined) return Promise.reject(new AgentError("CHANNEL_UNKNOWN", {}));
  return new Promise((resolve, reject) => {
    outbox.append([entryOf(tail.channel, record)], STORE_DEADLINE_MS, ([outcome]) => {
      if (outcome?.kind === "refused") reject(outcome.error);
      else resolve();
    });
  });
}

/** Nobody waits for a reply, and it is no repeat. */
function entryOf(channel: number, { controlId, atMs, bytes }: StatusRecord): AppendEntry {
  const sha256 = hash("sha256", bytes, "buffer");
  return {
    ...{ channel, quarantine: undefined, ackOwed: false, duplicates: "off", duplicateWindowMs: 0 },
    ...{ receivedAtMs: atMs, length: bytes.length, sha256 },
    ...{ controlKey: sha256.subarray(0, CONTROL_KEY_BYTES) },
    controlId: Buffer.from(controlId),
    ...{ source: "", body: bytes, upload: 0, uploadAt: 0, uploadBytes: 0, attributes: "" },
    claim: undefined,
  };
}
