/**
 * The sealed format, read from its description alone: the oracle's own way into a store's bytes. Shares no
 * code with the agent (10 section 1), so that both cannot make the same mistake.
 *
 * ```
 * envelope  0x01 · key epoch u32 · nonce 12 · tag 16 · ciphertext          AES-256-GCM
 * AAD       parts, each behind its length as u16: "holdfast-body/1" · store id · place · "up" or "down" · channel u64 · row u64 · extra u64
 * record    0 u8 1 · 1 u8 0 · 2 u16 control id · 4 u16 source · 6 u32 attributes · 10 u32 body, all lengths
 *           14 SHA-256 · 46 chain · 78 replaces: epoch u64, seq u64 · 94 own epoch u64, seq u64 · 110 the four, one behind another
 * ```
 *
 * @module
 */
import { createDecipheriv, createHmac, createSecretKey, type KeyObject } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { prefixed, unwrapKey } from "./key-files.ts";

const ENVELOPE_VERSION = 1;
const NONCE_AT = 5;
const TAG_AT = 17;
const SEALED_AT = 33;
const RECORD_BYTES = 110;
const TOKEN_BYTES = 16;
const KEK_BYTES = 32;

/** Where an envelope stands; it opens nowhere else. */
export interface Place {
  /** `table.column`. */
  readonly column: string;
  readonly channel: number;
  readonly row: number;
  readonly extra?: number;
  /** Absent: up. */
  readonly direction?: "up" | "down";
}

/** One message, or one block that was set aside. */
export interface SealedRecord {
  readonly controlId: Buffer;
  readonly source: string;
  readonly attributes: string;
  /** Empty where it lies in an upload. */
  readonly body: Buffer;
  readonly sha256: Buffer;
  readonly chain: Buffer;
  readonly replaces: { readonly epoch: bigint; readonly seq: bigint };
  readonly identity: { readonly epoch: bigint; readonly seq: bigint };
}

/** The KEK as a file holds it: 32 bytes, or 64 hex digits and a line feed. */
export function readKek(file: string): Buffer {
  const content = readFileSync(file);
  return content.length === KEK_BYTES
    ? content
    : Buffer.from(content.toString("latin1").trim(), "hex");
}

/** Where `makePair` puts it: beside the configuration, outside of the state folder. */
export const kekFileBeside = (stateDir: string): string => join(stateDir, "../kek/holdfast.kek");

export class SealedStore {
  readonly #folder: string;
  readonly #kek: Uint8Array;
  readonly #storeId: Uint8Array;
  /** `undefined`: there is no such file, or it does not open. */
  readonly #keys = new Map<string, KeyObject | undefined>();

  constructor(stateDir: string, kek: Uint8Array, storeId: Uint8Array) {
    this.#folder = join(stateDir, "keys");
    this.#kek = kek;
    this.#storeId = storeId;
  }

  /** Key epochs that have a file, lowest first. */
  get keyEpochs(): number[] {
    if (!existsSync(this.#folder)) return [];
    const names = readdirSync(this.#folder).filter((name) => /^[0-9]+\.key$/.test(name));
    return names.map((name) => Number.parseInt(name, 10)).sort((a, b) => a - b);
  }

  /** @returns what was sealed, or why it does not open */
  open(envelope: Buffer, place: Place): Buffer | string {
    if (envelope.length < SEALED_AT || envelope[0] !== ENVELOPE_VERSION) return "is no envelope";
    const epoch = envelope.readUInt32BE(1);
    const key = this.#key(String(epoch), epoch);
    if (key === undefined) return `has no key ${epoch}`;
    const nonce = envelope.subarray(NONCE_AT, TAG_AT);
    const decipher = createDecipheriv("aes-256-gcm", key, nonce, { authTagLength: 16 });
    decipher.setAuthTag(envelope.subarray(TAG_AT, SEALED_AT));
    decipher.setAAD(this.#aad(place));
    const plain = decipher.update(envelope.subarray(SEALED_AT));
    try {
      decipher.final();
    } catch {
      return `does not open with key ${epoch}`;
    }
    return plain;
  }

  /** By which control ids (1) and digests (2) are found without being shown. */
  token(kind: 1 | 2, value: Uint8Array): Buffer {
    const key = this.#key("index", 0);
    if (key === undefined) return Buffer.alloc(0);
    return createHmac("sha256", key)
      .update(Buffer.of(kind))
      .update(value)
      .digest()
      .subarray(0, TOKEN_BYTES);
  }

  #aad({ column, channel, row, extra = 0, direction: way = "up" }: Place): Buffer {
    const numbers = [channel, row, extra].map((number) => {
      const bytes = Buffer.alloc(8);
      bytes.writeBigUInt64BE(BigInt(number));
      return bytes;
    });
    const texts = ["holdfast-body/1", column, way].map((text) => Buffer.from(text, "latin1"));
    const [label, place, direction] = texts as [Buffer, Buffer, Buffer];
    return prefixed([label, this.#storeId, place, direction, ...numbers]);
  }

  #key(name: string, epoch: number): KeyObject | undefined {
    if (!this.#keys.has(name)) {
      const file = join(this.#folder, `${name}.key`);
      const found = existsSync(file) ? readFileSync(file) : Buffer.alloc(0);
      const key = unwrapKey(found, this.#kek, this.#storeId, epoch);
      // Thousands of images, hundreds of envelopes each: as bytes it would be looked at anew each time.
      this.#keys.set(name, key === undefined ? undefined : createSecretKey(key));
    }
    return this.#keys.get(name);
  }
}

/** The record at `at`, or `undefined` if none is there. */
export function recordAt(plain: Buffer, at: number): SealedRecord | undefined {
  if (at < 0 || at + RECORD_BYTES > plain.length || plain.readUInt16BE(at) !== 0x0100) {
    return undefined;
  }
  let end = at + RECORD_BYTES;
  const take = (bytes: number): Buffer => {
    end += bytes;
    return plain.subarray(end - bytes, end);
  };
  const controlId = take(plain.readUInt16BE(at + 2));
  const source = take(plain.readUInt16BE(at + 4)).toString("latin1");
  const attributes = take(plain.readUInt32BE(at + 6)).toString("latin1");
  const body = take(plain.readUInt32BE(at + 10));
  if (end > plain.length) return undefined;
  const [epoch, seq] = [plain.readBigUInt64BE(at + 78), plain.readBigUInt64BE(at + 86)];
  return {
    ...{ controlId, source, attributes, body },
    sha256: plain.subarray(at + 14, at + 46),
    chain: plain.subarray(at + 46, at + 78),
    replaces: { epoch, seq },
    identity: { epoch: plain.readBigUInt64BE(at + 94), seq: plain.readBigUInt64BE(at + 102) },
  };
}
