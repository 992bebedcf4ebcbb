/**
 * Hands on by POST: a message as its raw bytes, with its identity in headers; a gap as JSON. Only 2xx
 * counts; anything else, and no answer, is sent again, the same id each time.
 *
 * @module
 */
import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent, type RequestOptions } from "node:https";
import { ReceiverError } from "../errors.ts";
import type { Clock } from "../host/clock.ts";
import type { Taker } from "./channel-pump.ts";
import type { OutletEvent } from "./event.ts";
import { contentOf, identityOf } from "./identity.ts";
import { type PostOptions, post } from "./webhook-request.ts";
import { signatureOf, webhookId } from "./webhook-signature.ts";

export interface WebhookOptions {
  readonly name: string;
  /** https, or http to this machine. */
  readonly url: URL;
  readonly secrets: readonly Uint8Array[];
  readonly timeoutMs: number;
  /** PEM; null for the trust store of Node. */
  readonly ca: string | null;
  /** Connections that are kept. */
  readonly connections: number;
}

export class Webhook implements Taker, Disposable {
  readonly name: string;
  readonly #secrets: readonly Uint8Array[];
  readonly #clock: Clock;
  readonly #post: PostOptions;
  readonly #agent: HttpAgent | HttpsAgent;

  constructor(options: WebhookOptions, clock: Clock) {
    const { name, secrets, url, timeoutMs, ca, connections } = options;
    this.name = name;
    this.#secrets = secrets;
    this.#clock = clock;
    const kept = { keepAlive: true, maxSockets: connections };
    this.#agent = url.protocol === "https:" ? new HttpsAgent(kept) : new HttpAgent(kept);
    const request: RequestOptions = {
      agent: this.#agent,
      minVersion: "TLSv1.2",
      // Written out: the environment can turn Node's own default off (07 1.9).
      rejectUnauthorized: true,
      ...(ca === null ? {} : { ca }),
    };
    this.#post = { url, request, timeoutMs, clock };
  }

  /** {@inheritDoc Taker.take} */
  async take(event: OutletEvent, signal: AbortSignal): Promise<void> {
    const { contentType, bytes, slices } = contentOf(event);
    const id = webhookId(event);
    const timestampS = Math.floor(this.#clock.nowMs() / 1_000);
    const headers = {
      "Content-Type": contentType,
      "Content-Length": `${bytes}`,
      "User-Agent": "holdfast-receiver",
      "webhook-id": id,
      "webhook-timestamp": `${timestampS}`,
      // Read once to be signed and once to be sent: so no body is in memory as a whole.
      "webhook-signature": await signatureOf(this.#secrets, id, timestampS, slices()),
      ...identityOf(event),
    };
    const status = await post(this.#post, headers, slices(), signal);
    if (status < 200 || status > 299) {
      throw new ReceiverError("OUTLET_REFUSED", { facts: { status } });
    }
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }
}
