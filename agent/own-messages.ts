/** Messages of the agent's own, on reserved channels: stored and sent like any other (06 TP35). @module */
import { hash } from "node:crypto";
import { AgentError } from "./errors.ts";
import type { Outbox } from "./outbox/outbox.ts";
import { type AppendEntry, CONTROL_KEY_BYTES } from "./outbox/writing/append-batch.ts";

export interface OwnMessage {
  /** Reserved. */
  readonly channel: string;
  /** By which `trace` finds it. */
  readonly controlId: string;
  readonly atMs: number;
  readonly body: Uint8Array;
}

const STORE_DEADLINE_MS = 10_000;
/** Above it a body goes to the store slice by slice, so that no acknowledgment waits for it (05 S11). */
const WHOLE_MAX_BYTES = 131_072;

/**
 * @returns its number once it is durable here; the epoch is that of the channel when it was
 * @throws {AgentError} `CHANNEL_UNKNOWN`, `STORE_*`
 */
export function appendOwn(
  outbox: Outbox,
  message: OwnMessage,
): Promise<{ readonly epoch: bigint; readonly seq: bigint }> {
  const tailOf = () => outbox.channels.find(({ name }) => name === message.channel);
  const tail = tailOf();
  if (tail === undefined) throw new AgentError("CHANNEL_UNKNOWN", {});
  const entry = entryOf(outbox, tail.channel, message);
  return new Promise((resolve, reject) => {
    outbox.append([entry], STORE_DEADLINE_MS, ([outcome]) => {
      if (outcome?.kind === "stored") {
        resolve({ epoch: tailOf()?.epoch ?? tail.epoch, seq: outcome.seq });
      } else {
        reject(outcome?.kind === "refused" ? outcome.error : new AgentError("AGENT_DEFECT", {}));
      }
    });
  });
}

/** Nobody waits for a reply, and it is no repeat. */
function entryOf(
  outbox: Outbox,
  channel: number,
  { controlId, atMs, body }: OwnMessage,
): AppendEntry {
  const sha256 = hash("sha256", body, "buffer");
  const { length } = body;
  const isWhole = length <= WHOLE_MAX_BYTES;
  const kept = isWhole
    ? { body, upload: 0, uploadBytes: 0 }
    : { body: new Uint8Array(0), upload: staged(outbox, body), uploadBytes: length };
  return {
    ...{ channel, quarantine: undefined, ackOwed: false, duplicates: "off", duplicateWindowMs: 0 },
    ...{ receivedAtMs: atMs, length, sha256, controlKey: sha256.subarray(0, CONTROL_KEY_BYTES) },
    ...{ controlId: Buffer.from(controlId), source: "", uploadAt: 0, attributes: "" },
    ...{ ...kept, claim: undefined },
  };
}

function staged(outbox: Outbox, body: Uint8Array): number {
  const upload = outbox.newUpload();
  for (let at = 0, ordinal = 0; at < body.length; at += WHOLE_MAX_BYTES, ordinal++) {
    outbox.stage(upload, ordinal, new Uint8Array(body.subarray(at, at + WHOLE_MAX_BYTES)));
  }
  return upload;
}
