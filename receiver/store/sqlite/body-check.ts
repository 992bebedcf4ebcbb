/**
 * RI1 for large messages: the bytes that lie in the store are read back and hashed before the
 * transaction in which they become a message. In steps, between which other calls are carried out.
 *
 * @module
 */
import { createHash, type Hash } from "node:crypto";
import { BODY_CHECK_STEP_BYTES } from "../../limits.ts";
import type { Request } from "./calls.ts";
import { findPartial, sliceAt } from "./partial-step.ts";
import type { Prepared } from "./prepared.ts";

/** What was read of an unfinished message that has ended. */
export interface CheckedBody {
  /** Of `large_body`. */
  readonly body: bigint;
  readonly bytes: number;
  readonly sha256: Buffer;
}

/** A request whose body has been read; undefined if there was nothing to read: the step says why. */
export interface Checked {
  readonly request: Request;
  readonly checked: CheckedBody | undefined;
}

interface Reading {
  readonly request: Request;
  readonly body: bigint;
  readonly digest: Hash;
  bytes: number;
}

export class BodyCheck {
  readonly #sql: Prepared;
  #waiting: Request[] = [];
  #reading: Reading | undefined;

  constructor(sql: Prepared) {
    this.#sql = sql;
  }

  get isPending(): boolean {
    return this.#reading !== undefined || this.#waiting.length > 0;
  }

  /** Keeps back what has a body to be read. @returns the others */
  keepBack(requests: readonly Request[]): Request[] {
    return requests.filter((request) => {
      const isLarge = request.name === "ingest" && request.ask.packed.isLarge;
      if (isLarge) this.#waiting.push(request);
      return !isLarge;
    });
  }

  /** Reads a few MiB. @returns a request that is ready, if one is */
  step(): Checked | undefined {
    const reading = this.#reading ?? this.#begin();
    if (reading === undefined) {
      const request = this.#waiting.shift();
      return request === undefined ? undefined : { request, checked: undefined };
    }
    this.#reading = reading;
    for (const end = reading.bytes + BODY_CHECK_STEP_BYTES; reading.bytes < end; ) {
      const slice = sliceAt(this.#sql, reading.body, reading.bytes);
      if (slice.length === 0) return this.#end(reading);
      reading.digest.update(slice);
      reading.bytes += slice.length;
    }
    return undefined;
  }

  /** @returns undefined if the oldest request names no unfinished message of its channel */
  #begin(): Reading | undefined {
    const [request] = this.#waiting;
    if (request?.name !== "ingest") return undefined;
    const partial = findPartial(this.#sql, request.ask);
    const { epoch, first } = request.ask;
    if (partial?.epoch !== epoch || partial.seq !== first) return undefined;
    this.#waiting.shift();
    return { request, body: partial.body, digest: createHash("sha256"), bytes: 0 };
  }

  #end({ request, body, bytes, digest }: Reading): Checked {
    this.#reading = undefined;
    return { request, checked: { body, bytes, sha256: digest.digest() } };
  }
}
