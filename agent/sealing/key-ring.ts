/**
 * The keys of one store: data keys, one a key epoch, and the index key (08 2.2, 2.3).
 *
 * ```
 * folder/index.key      for tokens; as old as the store
 * folder/<epoch>.key    data keys, from 1; a number is never given out twice
 * folder/*.key.new      left by a crash: no row was ever sealed with such a file
 * ```
 *
 * @module
 */
import { createSecretKey, type KeyObject, randomBytes } from "node:crypto";
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { AgentError } from "../errors.ts";
import { flushFolder, makeFolder, replaceFile } from "../host/atomic-file.ts";
import type { Clock } from "../host/clock.ts";
import { INDEX_KEY_EPOCH, KEY_BYTES, type StoreKey, unwrapKey, wrapKey } from "./key-file.ts";

/** 08 2.2: a key epoch ends after a day, so that what is pruned can be shredded soon after. */
const KEY_EPOCH_MAX_MS = 24 * 3_600_000;
/** 08 2.2: or after 1 GiB, far below what AES-GCM bears with random nonces (2^32 seals a key). */
const KEY_EPOCH_MAX_BYTES = 2 ** 30;
/** The envelope has four bytes for it. */
const KEY_EPOCH_MAX = 2 ** 32 - 1;

const KEY_MODE = 0o400;
const KEY_NAME = /^(?:index|[1-9]\d{0,9})\.key$/;
const TEMPORARY = /^(?:index|\d+)\.key\.new$/;

/** @returns the key epoch that a key file's name says, 0 for the index key; `undefined` for any other name */
export function keyEpochOfName(name: string): number | undefined {
  if (!KEY_NAME.test(name)) return undefined;
  return name === "index.key" ? INDEX_KEY_EPOCH : Number.parseInt(name, 10);
}

/** Key-encryption keys, 32 bytes each. */
export interface Kek {
  /** Wraps whatever is written. */
  readonly current: Uint8Array;
  /** The other one of a rotation that was interrupted: opens key files, and wraps none. */
  readonly previous?: Uint8Array;
}

export interface KeyRingOptions {
  /** `stateDir/keys`; made with mode 0700 where it does not exist. */
  readonly folder: string;
  readonly kek: Kek;
  /** 16 bytes. */
  readonly storeId: Uint8Array;
  /** True until the store holds its first sealed row: then alone an index key may be made. */
  readonly isNewStore: boolean;
  readonly clock: Pick<Clock, "nowMs">;
}

/** The key that seals now, and what it has sealed. */
interface KeyInUse extends StoreKey {
  bytes: number;
}

export class KeyRing {
  readonly #folder: string;
  readonly #storeId: Uint8Array;
  readonly #clock: Pick<Clock, "nowMs">;
  readonly #keys = new Map<number, StoreKey>();
  readonly #index: StoreKey;
  #kek: Uint8Array;
  /** The highest key epoch that ever was, as far as anybody knows. */
  #lastEpoch: number;
  #inUse: KeyInUse | undefined;

  /**
   * Opens every key file, so that a key which will not open is known before a message is accepted.
   *
   * @throws {AgentError} `KEK_WRONG` if a key file is wrapped by another KEK; `KEY_FILE_DAMAGED` if one
   *   is not as it was written, belongs to another store, or `index.key` is missing. Fact `keyEpoch`: the
   *   file's number, 0 for `index.key`
   * @throws the operating system's error, untranslated
   */
  static open(options: KeyRingOptions): KeyRing {
    return new KeyRing(options);
  }

  private constructor({ folder, kek, storeId, isNewStore, clock }: KeyRingOptions) {
    this.#folder = folder;
    this.#kek = new Uint8Array(kek.current);
    this.#storeId = storeId;
    this.#clock = clock;
    makeFolder(folder, 0o700);
    this.#sweep();
    const keks = kek.previous === undefined ? [kek.current] : [kek.current, kek.previous];
    for (const key of this.#readAll(keks)) this.#keys.set(key.epoch, key);
    this.#lastEpoch = Math.max(0, ...this.#keys.keys());
    let index = this.#keys.get(INDEX_KEY_EPOCH);
    this.#keys.delete(INDEX_KEY_EPOCH);
    if (index === undefined) {
      // Data keys without it: the store only seems to be new.
      const mayMake = isNewStore && this.#keys.size === 0;
      if (!mayMake) throw new AgentError("KEY_FILE_DAMAGED", { keyEpoch: INDEX_KEY_EPOCH });
      index = this.#make(INDEX_KEY_EPOCH);
    }
    this.#index = index;
  }

  /** For tokens (HMAC-SHA-256). */
  get indexKey(): KeyObject {
    return this.#index.key;
  }

  /**
   * The key to seal with now. Where a new one is due (the first since the ring was opened, a day, 1 GiB,
   * {@link renew}), its file and the name of that file are flushed before it is given out: a row must
   * never outlive its key.
   *
   * @param bytes that are about to be sealed, whole envelopes
   * @throws the operating system's error, untranslated; the next call tries again
   */
  use(bytes: number): { readonly epoch: number; readonly key: KeyObject } {
    let inUse = this.#inUse;
    if (inUse === undefined || this.#isOver(inUse, bytes)) inUse = this.#begin();
    inUse.bytes += bytes;
    return inUse;
  }

  /** The lowest epoch that has a key; `undefined` where nothing was ever sealed. */
  get lowestEpoch(): number | undefined {
    return this.#keys.size === 0 ? undefined : Math.min(...this.#keys.keys());
  }

  /** The highest epoch with which nothing will be sealed any more; 0 if there is none. */
  get closedEpoch(): number {
    return this.#inUse === undefined ? this.#lastEpoch : this.#inUse.epoch - 1;
  }

  /** The key of an epoch; `undefined` if there is none or it was deleted. */
  keyOf(epoch: number): KeyObject | undefined {
    return this.#keys.get(epoch)?.key;
  }

  /**
   * The same where the day of the key in use is over within `marginMs`: so whoever keeps account of what a
   * key has sealed can close it before another begins.
   */
  renewIfDue(marginMs: number): void {
    const inUse = this.#inUse;
    if (inUse === undefined) return;
    const leftMs = inUse.madeAtMs + KEY_EPOCH_MAX_MS - this.#clock.nowMs();
    if (leftMs <= marginMs) this.renew();
  }

  /** The next `use` begins a new key epoch: after a restore (08 2.2). */
  renew(): void {
    this.#inUse = undefined;
  }

  /**
   * Deletes the keys of lower epochs, and so all that was sealed with them, in every copy (08 2.3). The
   * key in use stays.
   *
   * @param epoch the lowest that a row is still sealed with; `Infinity` if there is no row
   * @returns the epochs deleted, in ascending order; their files are gone, flushed
   */
  deleteBefore(epoch: number): readonly number[] {
    const doomed = [...this.#keys.keys()]
      .filter((known) => known < epoch && known !== this.#inUse?.epoch)
      .sort((a, b) => a - b);
    if (doomed.length === 0) return doomed;
    // The highest name on disk is all that a later start knows of numbers given out: a higher one first.
    if (doomed.length === this.#keys.size) this.#begin();
    for (const known of doomed) {
      rmSync(`${this.#fileOf(known)}.new`, { force: true });
      rmSync(this.#fileOf(known), { force: true });
      this.#keys.delete(known);
    }
    flushFolder(this.#folder);
    return doomed;
  }

  /**
   * Wraps every key file by another KEK, one a step: each is flushed, and ingest goes between. Interrupted
   * anywhere each file opens with the one or the other, and it can be done again.
   *
   * @param kek 32 bytes; on disk and flushed already. From the first step on keys that are made are wrapped by it
   * @throws {AgentError} `KEY_FILE_DAMAGED`, `KEK_WRONG` if a file, read back, does not open with it:
   *   the old KEK must then stay
   * @throws the operating system's error, untranslated
   */
  *rewrap(kek: Uint8Array): Generator<void> {
    if (kek.length !== KEY_BYTES) throw new RangeError(`Cannot wrap by ${kek.length} bytes`);
    const next = new Uint8Array(kek);
    this.#kek = next;
    for (const key of [this.#index, ...this.#keys.values()]) {
      // One that was deleted since the first step must not come back.
      if (key !== this.#index && this.#keys.get(key.epoch) !== key) continue;
      this.#write(key, next);
      yield;
    }
    // Whoever calls destroys the old KEK now. What is not in memory, or not on disk, is found here.
    const found = this.#readAll([next]);
    if (found.length !== this.#keys.size + 1) {
      throw new AgentError("KEY_FILE_DAMAGED", { count: this.#keys.size + 1 - found.length });
    }
  }

  #isOver({ bytes: sealed, madeAtMs }: KeyInUse, bytes: number): boolean {
    const ageMs = this.#clock.nowMs() - madeAtMs;
    // A clock that was set back says nothing about the age.
    return sealed + bytes > KEY_EPOCH_MAX_BYTES || ageMs >= KEY_EPOCH_MAX_MS || ageMs < 0;
  }

  #begin(): KeyInUse {
    const epoch = this.#lastEpoch + 1;
    if (epoch > KEY_EPOCH_MAX) throw new AgentError("AGENT_DEFECT", { keyEpoch: epoch });
    // Taken even if writing fails: then a file of this number may exist, unflushed.
    this.#lastEpoch = epoch;
    const key = this.#make(epoch);
    this.#keys.set(epoch, key);
    this.#inUse = { ...key, bytes: 0 };
    return this.#inUse;
  }

  #make(epoch: number): StoreKey {
    // Only two rings on one store could meet a file here; it would be a key in use.
    if (existsSync(this.#fileOf(epoch))) throw new AgentError("AGENT_DEFECT", { keyEpoch: epoch });
    const bytes = randomBytes(KEY_BYTES);
    const key = { key: createSecretKey(bytes), epoch, madeAtMs: this.#clock.nowMs() };
    bytes.fill(0);
    this.#write(key, this.#kek);
    return key;
  }

  #write(key: StoreKey, kek: Uint8Array): void {
    replaceFile(this.#fileOf(key.epoch), wrapKey(key, kek, this.#storeId), KEY_MODE);
  }

  #readAll(keks: readonly Uint8Array[]): StoreKey[] {
    return readdirSync(this.#folder).flatMap((name) => {
      const keyEpoch = keyEpochOfName(name);
      if (keyEpoch === undefined) return [];
      const file = readFileSync(join(this.#folder, name));
      const result = unwrapKey(file, keyEpoch, keks, this.#storeId);
      if (result.outcome === "opened") return result.key;
      const code = result.outcome === "otherKek" ? "KEK_WRONG" : "KEY_FILE_DAMAGED";
      throw new AgentError(code, { keyEpoch });
    });
  }

  #sweep(): void {
    const left = readdirSync(this.#folder).filter((name) => TEMPORARY.test(name));
    for (const name of left) rmSync(join(this.#folder, name), { force: true });
    if (left.length > 0) flushFolder(this.#folder);
  }

  #fileOf(epoch: number): string {
    return join(this.#folder, epoch === INDEX_KEY_EPOCH ? "index.key" : `${epoch}.key`);
  }
}
