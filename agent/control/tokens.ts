/**
 * Names for what may not leave: the same value has the same token inside one answer, and another one in the next
 * (08 5.3). The salt is never stored.
 *
 * @module
 */
import { createHmac } from "node:crypto";
import { type Identifier, identifierFrom } from "../errors.ts";
import type { Chance } from "../host/clock.ts";

const SALT_BYTES = 32;
const TOKEN_DIGITS = 12;

export class Tokens {
  readonly #salt: Uint8Array;

  constructor(chance: Pick<Chance, "bytes">) {
    this.#salt = chance.bytes(SALT_BYTES);
  }

  /** @returns 12 hexadecimal digits of HMAC-SHA-256 (RFC 2104) */
  of(value: string | Uint8Array): Identifier {
    const digest = createHmac("sha256", this.#salt).update(value).digest("hex");
    return identifierFrom(digest.slice(0, TOKEN_DIGITS));
  }
}
