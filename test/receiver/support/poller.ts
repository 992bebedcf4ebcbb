/**
 * A consumer of the polling outlet.
 *
 * @module
 */
import { once } from "node:events";
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { type RequestOptions, request } from "node:https";
import { RECEIVER_CA_PEM } from "./identities.ts";

export const TOKEN = "a-token-of-more-than-32-characters-0123456789";

export interface Polled {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Uint8Array;
  /** The body as JSON, if it is that. */
  readonly json: {
    readonly [key: string]: unknown;
    readonly events: readonly Readonly<Record<string, unknown>>[];
    readonly channels: readonly Readonly<Record<string, unknown>>[];
    readonly cursor: string;
  };
}

export class Poller {
  readonly port: number;
  readonly #options: RequestOptions;

  constructor(port: number, options: RequestOptions = {}) {
    this.port = port;
    this.#options = options;
  }

  get(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Polled> {
    return this.ask("GET", path, "", headers);
  }

  post(path: string, body: unknown): Promise<Polled> {
    return this.ask("POST", path, typeof body === "string" ? body : JSON.stringify(body));
  }

  /** Events as `cursor:body`, or `cursor reason`. */
  async events(query: string): Promise<string[]> {
    const { json } = await this.get(`/v1/messages?agent=north/ward-1&channel=adt${query}`);
    return json.events.map((event) =>
      event["kind"] === "gap"
        ? `${event["cursor"]} ${event["reason"]}`
        : `${event["cursor"]}:${Buffer.from(String(event["body"]), "base64").toString("latin1")}`,
    );
  }

  async ask(
    method: string,
    path: string,
    body = "",
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Polled> {
    const asked = request({
      host: "127.0.0.1",
      port: this.port,
      path,
      method,
      ca: RECEIVER_CA_PEM,
      agent: false,
      ...this.#options,
      headers: { Authorization: `Bearer ${TOKEN}`, ...headers },
    });
    asked.end(body);
    const [response] = (await once(asked, "response")) as [IncomingMessage];
    const parts: Uint8Array[] = [];
    for await (const part of response) parts.push(part);
    const whole = new Uint8Array(Buffer.concat(parts));
    const isJson = response.headers["content-type"] === "application/json";
    const json = isJson ? JSON.parse(Buffer.from(whole).toString("utf8")) : {};
    return { status: response.statusCode ?? 0, headers: response.headers, body: whole, json };
  }
}
