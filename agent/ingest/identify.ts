/** What makes two messages the same, and what makes two replies different. @module */
import { hash } from "node:crypto";
import type { Clock } from "../host/clock.ts";
import type { Msh } from "./hl7/msh.ts";

const CONTROL_KEY_BYTES = 8;
const SEPARATOR = Uint8Array.of(0);

/**
 * Eight bytes that stand for channel, MSH-3, MSH-4 and MSH-10, all on bytes (03 D1).
 *
 * Together with the SHA-256 of the content they are the key of a repeat; alone they say that a
 * control id came before (D2). Blocks without a header are known by channel, reason and content.
 */
export function controlKeyOf(
  channel: string,
  msh: Msh | undefined,
  quarantine: string | undefined,
): Uint8Array {
  const parts: Uint8Array[] = [Buffer.from(`${channel}\0${quarantine ?? ""}\0`, "latin1")];
  if (msh !== undefined) {
    parts.push(msh.field(3), SEPARATOR, msh.field(4), SEPARATOR, msh.field(10));
  }
  return hash("sha256", Buffer.concat(parts), "buffer").subarray(0, CONTROL_KEY_BYTES);
}

/** 03 F9: control bytes other than TAB, LF and CR; they are kept, and counted. */
export function countControlBytes(bytes: Uint8Array): number {
  let count = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0x20;
    if (byte < 0x20 && byte !== 0x0d && byte !== 0x0a && byte !== 0x09) count += 1;
  }
  return count;
}

/** MSH-7 and MSH-10 of replies. */
export class ReplyStamps {
  readonly #clock: Clock;
  readonly #prefix: string;
  #count = 0;
  #second = 0;
  #text = "";

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#prefix = `HF${Math.floor(clock.nowMs() / 1000)
      .toString(36)
      .toUpperCase()}`;
  }

  /** `YYYYMMDDHHMMSS+0000`, made once a second. */
  timestamp(): string {
    const second = Math.floor(this.#clock.nowMs() / 1000);
    if (second !== this.#second) {
      this.#second = second;
      const iso = new Date(second * 1000).toISOString();
      this.#text = `${iso.slice(0, 19).replace(/[-:T]/g, "")}+0000`;
    }
    return this.#text;
  }

  /** At most 20 characters; unique over restarts unless two happen within one second. */
  controlId(): string {
    this.#count += 1;
    return `${this.#prefix}.${this.#count.toString(36).toUpperCase()}`;
  }
}
