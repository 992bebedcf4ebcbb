/** The one connection of a sender: there is one or there is none, and who lost it is told (03 O2, O8). @module */
import { type Identifier, identifierFrom } from "../errors.ts";
import type { Clock } from "../host/clock.ts";
import { dialEndpoint } from "./dial-endpoint.ts";
import { Endpoint, type EndpointListeners } from "./endpoint.ts";
import type { EndpointSettings } from "./sender-settings.ts";
import type { SenderTlsMaterial } from "./sender-tls.ts";

export interface LinkParts extends EndpointListeners {
  readonly settings: EndpointSettings;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** TLS files as they are now; `undefined` for plain MLLP. */
  material(): SenderTlsMaterial | undefined;
}

export type Linked =
  | { readonly kind: "kept" | "opened" }
  | { readonly kind: "failed"; readonly reason: Identifier };

export class Link implements Disposable {
  readonly #parts: LinkParts;
  #endpoint: Endpoint | undefined;
  #over = false;

  constructor(parts: LinkParts) {
    this.#parts = parts;
  }

  get isOpen(): boolean {
    return this.#endpoint !== undefined;
  }

  /** Keeps the connection that there is, if its peer has not left, or opens one. */
  async connect(): Promise<Linked> {
    if ((await this.usable()) !== undefined) return { kind: "kept" };
    this.close();
    const { settings, clock, signal, material } = this.#parts;
    const dialled = await dialEndpoint(settings, material(), clock, signal);
    if (dialled.kind === "failed") return dialled;
    // Stopped meanwhile: nobody else would close it.
    if (this.#over) {
      dialled.socket.destroy();
      return { kind: "failed", reason: identifierFrom("stopping") };
    }
    const endpoint: Endpoint = new Endpoint(dialled.socket, settings, clock, {
      heard: (event) => this.#parts.heard(event),
      lost: (reason) => {
        if (endpoint !== this.#endpoint) return;
        this.#endpoint = undefined;
        this.#parts.lost(reason);
      },
    });
    this.#endpoint = endpoint;
    return { kind: "opened" };
  }

  /** The connection, if it can be written to (03 O8). */
  async usable(): Promise<Endpoint | undefined> {
    const endpoint = this.#endpoint;
    const usable = endpoint !== undefined && (await endpoint.isUsable());
    return usable && endpoint === this.#endpoint ? endpoint : undefined;
  }

  /** Whether `endpoint` is still the connection. */
  has(endpoint: Endpoint): boolean {
    return endpoint === this.#endpoint;
  }

  /** Hangs up; another connection may follow. */
  close(): void {
    const endpoint = this.#endpoint;
    this.#endpoint = undefined;
    endpoint?.[Symbol.dispose]();
  }

  /** Closes in good order; another connection may follow at once. */
  finish(): void {
    const endpoint = this.#endpoint;
    this.#endpoint = undefined;
    endpoint?.finish();
  }

  [Symbol.dispose](): void {
    this.#over = true;
    this.close();
  }
}
