/**
 * Messages that are a function of their place: whoever knows seed, agent, channel, number and edition can
 * say what the body must be, and the body itself says where it belongs.
 *
 * @module
 */
import { hash } from "node:crypto";

export interface Place {
  readonly seed: number;
  /** `tenant/name` */
  readonly agent: string;
  readonly channel: string;
  /** From 1. */
  readonly number: number;
  /** From 0: how often its number got another content. */
  readonly edition: number;
}

const SMALL = { from: 200, to: 2_000 };
/** Several chunks, so that a cut falls within a message. */
const MEDIUM = { from: 2_000, to: 100_000 };
/** Above 1 MiB: its parts are stored while it arrives (06 TP25). */
const LARGE = { from: 1_100_000, to: 1_600_000 };

/** The same bytes at every call: 95 % small, a few of several chunks, one in two thousand large. */
export function messageAt({ seed, agent, channel, number, edition }: Place): Buffer {
  const digest = hash("sha256", `${seed} ${agent} ${channel} ${number} ${edition}`, "buffer");
  const head = `${agent} ${channel} ${number} ${edition} `;
  const body = Buffer.alloc(sizeOf(digest), digest);
  body.write(head, "latin1");
  return body;
}

function sizeOf(digest: Buffer): number {
  const kind = digest.readUInt32BE(0) / 2 ** 32;
  const { from, to } = kind < 0.0005 ? LARGE : kind < 0.05 ? MEDIUM : SMALL;
  return Math.floor(from * (to / from) ** (digest.readUInt32BE(4) / 2 ** 32));
}
