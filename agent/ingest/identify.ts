/** What makes two messages the same, and what makes two replies different. @module */
import type { Clock } from "../host/clock.ts";
import type { Msh } from "./hl7/msh.ts";

/**
 * Eight bytes that stand for channel, MSH-3, MSH-4 and MSH-10, all on bytes (03 D1, D2).
 *
 * A quick hash, not a cryptographic one: alone it only raises the warning that a control id came
 * before. What makes a repeat is the SHA-256 of the content, in which these fields are contained.
 * Without a control id the content alone decides (03 D6).
 */
export function controlKeyOf(channel: string, msh: Msh | undefined): Uint8Array {
  const hash = new KeyHash();
  hash.addText(channel);
  // Here the first version had the reason of a quarantined block: the keys of its stores stay valid.
  hash.addText("");
  const named = msh !== undefined && msh.field(CONTROL_ID_FIELD).length > 0;
  for (const field of [3, 4, CONTROL_ID_FIELD]) hash.add(named ? msh.field(field) : EMPTY);
  return hash.digest();
}

/** Stands for MSH-3 and MSH-4, however long they are. */
export function senderKeyOf(msh: Msh): string {
  const hash = new KeyHash();
  for (const field of [3, 4]) hash.add(msh.field(field));
  return Buffer.from(hash.digest()).toString("hex");
}

const CONTROL_ID_FIELD = 10;
const EMPTY = new Uint8Array(0);
/** MurmurHash3's mixing constants; two lanes with different seeds make 64 bits. */
const MIX_A = 0x85ebca6b;
const MIX_B = 0xc2b2ae35;

class KeyHash {
  #a = 0x9e3779b9;
  #b = 0x243f6a88;

  add(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at++) this.#mix(bytes[at] ?? 0);
    // A value that no byte has: `AB|C` and `A|BC` differ.
    this.#mix(0x100);
  }

  addText(text: string): void {
    for (let at = 0; at < text.length; at++) this.#mix(text.charCodeAt(at));
    this.#mix(0x100);
  }

  digest(): Uint8Array {
    const a = Math.imul(this.#a ^ (this.#a >>> 16), MIX_B) ^ this.#b;
    const b = Math.imul(this.#b ^ (this.#b >>> 15), MIX_A) ^ this.#a;
    return new Uint8Array(Int32Array.of(a ^ (a >>> 13), b ^ (b >>> 16)).buffer);
  }

  #mix(value: number): void {
    this.#a = Math.imul(this.#a ^ value, MIX_A);
    this.#a = (this.#a << 13) | (this.#a >>> 19);
    this.#b = Math.imul(this.#b ^ value, MIX_B);
    this.#b = (this.#b << 17) | (this.#b >>> 15);
  }
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
