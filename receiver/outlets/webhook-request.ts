/**
 * One POST: its body in slices, its answer's status, and a bound on how long nothing may happen.
 *
 * @module
 */
import { type ClientRequest, request as requestHttp } from "node:http";
import { type RequestOptions, request as requestHttps } from "node:https";
import { foreignCode, identifierFrom, ReceiverError } from "../errors.ts";
import type { Clock } from "../host/clock.ts";
import { WEBHOOK_ANSWER_MAX_BYTES } from "../limits.ts";

export interface PostOptions {
  readonly url: URL;
  /** With an agent; certificates are verified by what it says, or by the trust store of Node. */
  readonly request: RequestOptions;
  /** How long nothing may happen: no slice leaves, no status comes, an answer does not end. */
  readonly timeoutMs: number;
  readonly clock: Clock;
}

/**
 * Posts, and reads the answer to its end. A redirect is an answer like any other.
 *
 * @param headers with Content-Length
 * @returns the status of an answer to the whole request
 * @throws {ReceiverError} `OUTLET_REFUSED` with the code of what went wrong, or what `slices` throws
 */
export async function post(
  options: PostOptions,
  headers: Readonly<Record<string, string>>,
  slices: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<number> {
  const make = options.url.protocol === "https:" ? requestHttps : requestHttp;
  const request = make(options.url, { ...options.request, method: "POST", headers, signal });
  const patience = new Patience(options, () => {
    request.destroy(Object.assign(new Error("nothing happens"), { code: "TIMEOUT" }));
  });
  const answered = answerTo(request, patience);
  // It is awaited below, unless the body cannot be read.
  answered.catch(() => {});
  try {
    await send(request, slices, patience);
    return await answered;
  } finally {
    patience[Symbol.dispose]();
    if (!request.closed) request.destroy();
  }
}

/** Ends early, without an error, if the request does: its answer or its error says why. */
async function send(
  request: ClientRequest,
  slices: AsyncIterable<Uint8Array>,
  patience: Patience,
): Promise<void> {
  for await (const slice of slices) {
    if (request.destroyed) return;
    if (!request.write(slice)) await drained(request);
    patience.renew();
  }
  request.end();
}

function drained(request: ClientRequest): Promise<void> {
  if (request.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      request.off("drain", done).off("close", done);
      resolve();
    };
    request.on("drain", done).on("close", done);
  });
}

function answerTo(request: ClientRequest, patience: Patience): Promise<number> {
  return new Promise((resolve, reject) => {
    request.on("error", (error) => reject(refused(foreignCode(error), error)));
    request.on("close", () => reject(refused(identifierFrom("CLOSED"))));
    request.on("response", (response) => {
      patience.renew();
      const status = response.statusCode ?? 0;
      const settle = (): void => {
        // Whoever answers before it has everything has not taken it, whatever it says.
        if (request.writableEnded || status >= 300) resolve(status);
        else reject(refused(identifierFrom("EARLY_ANSWER")));
      };
      if (!request.writableEnded) {
        settle();
        request.destroy();
        return;
      }
      // What it says is of no interest, and read only so that the connection can be used again.
      let bytes = 0;
      response.on("data", (chunk: Uint8Array) => {
        bytes += chunk.length;
        if (bytes <= WEBHOOK_ANSWER_MAX_BYTES) return;
        settle();
        response.destroy();
      });
      for (const end of ["end", "error", "close"]) response.on(end, settle);
    });
  });
}

function refused(error: ReturnType<typeof foreignCode>, cause?: unknown): ReceiverError {
  return new ReceiverError("OUTLET_REFUSED", { cause, facts: { error } });
}

/** A wait that begins anew with every step. */
class Patience implements Disposable {
  readonly #options: PostOptions;
  readonly #lost: () => void;
  #timer: Disposable;

  constructor(options: PostOptions, lost: () => void) {
    this.#options = options;
    this.#lost = lost;
    this.#timer = this.#begin();
  }

  renew(): void {
    this.#timer[Symbol.dispose]();
    this.#timer = this.#begin();
  }

  [Symbol.dispose](): void {
    this.#timer[Symbol.dispose]();
  }

  #begin(): Disposable {
    return this.#options.clock.after(this.#options.timeoutMs, this.#lost);
  }
}
