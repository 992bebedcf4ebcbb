/**
 * The platform's end of a webhook: keeps what it was sent, and answers what the test wants.
 *
 * @module
 */
import { once } from "node:events";
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import { createServer as createHttp } from "node:http";
import { createServer as createHttps } from "node:https";
import type { AddressInfo } from "node:net";
import { RECEIVER_IDENTITY } from "./identities.ts";

export interface Posted {
  readonly headers: IncomingHttpHeaders;
  readonly body: Uint8Array;
}

export class WebhookEndpoint implements AsyncDisposable {
  /** Every request that came whole, answered or not. */
  readonly posted: Posted[] = [];
  /** Answers a whole request; 204 unless a test says otherwise. */
  answer: (posted: Posted, response: ServerResponse) => void = (_posted, response) => {
    response.writeHead(204).end();
  };
  /** Sees a request before its body; true if it has answered. */
  early: (request: IncomingMessage, response: ServerResponse) => boolean = () => false;
  readonly port: number;
  readonly url: URL;
  readonly #server: ReturnType<typeof createHttp> | ReturnType<typeof createHttps>;

  private constructor(url: URL, server: WebhookEndpoint["server"]) {
    this.url = url;
    this.#server = server;
    this.port = Number(url.port);
    server.on("request", (request: IncomingMessage, response: ServerResponse) => {
      request.on("error", () => {});
      if (this.early(request, response)) return;
      const parts: Uint8Array[] = [];
      request.on("data", (part: Uint8Array) => parts.push(part));
      request.on("end", () => {
        const body = new Uint8Array(Buffer.concat(parts));
        const posted = { headers: request.headers, body };
        this.posted.push(posted);
        this.answer(posted, response);
      });
    });
  }

  static async open(
    protocol: "http" | "https" = "https",
    { port = 0, host = "127.0.0.1" } = {},
  ): Promise<WebhookEndpoint> {
    const { certificatePem: cert, privateKeyPem: key } = RECEIVER_IDENTITY;
    const server = protocol === "https" ? createHttps({ cert, key }) : createHttp();
    server.listen(port, host);
    await once(server, "listening");
    const { port: found } = server.address() as AddressInfo;
    return new WebhookEndpoint(new URL(`${protocol}://${host}:${found}/in`), server);
  }

  get server() {
    return this.#server;
  }

  /** The bodies, as text, of what was answered 2xx or not. */
  bodies(): string[] {
    return this.posted.map(({ body }) => Buffer.from(body).toString("latin1"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }
}
