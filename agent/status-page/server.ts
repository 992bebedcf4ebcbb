/**
 * The local page: one small HTTP server that only answers questions (08 PL7, PL8).
 *
 * It is beside the messages, never before them: what it shows is made once a second at most for all who look, its
 * connections, their time and the rate of requests are bounded, and whatever goes wrong here ends here. A port that is
 * taken is tried again; the agent runs without its page.
 *
 * @module
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Asset } from "#pages/common-assets.ts";
import type { Place } from "#pages/own-host.ts";
import { AgentError, codeOf } from "../errors.ts";
import type { Conditions } from "../health/conditions.ts";
import { HistorySampler } from "../health/history.ts";
import { NO_LATENCY } from "../health/latency.ts";
import type { Clock, Timer } from "../host/clock.ts";
import type { Log } from "../host/log.ts";
import type { Tasks } from "../host/tasks.ts";
import {
  STATUS_CONNECTIONS_MAX_COUNT,
  STATUS_REQUEST_TIMEOUT_MS,
  STATUS_REQUESTS_PER_SECOND,
} from "../limits.ts";
import type { AgentStatus } from "../status.ts";
import { loadAssets } from "./assets.ts";
import { type Asked, judge, METHODS } from "./gate.ts";
import { type Answer, Pages } from "./pages.ts";
import { Snapshots } from "./snapshots.ts";
import { Watchers } from "./watchers.ts";

export interface StatusPageOptions {
  readonly host: string;
  readonly port: number;
  readonly place: Place;
  readonly clock: Clock;
  readonly tasks: Tasks;
  readonly log: Log;
  readonly conditions: Conditions;
  readonly status: () => Promise<AgentStatus>;
}

const RETRY_MS = 30_000;
const HEADERS_MAX_BYTES = 8_192;

/** Nothing from elsewhere, nothing inline, no frame around it, nothing kept. */
const HEADERS = {
  "Cache-Control": "no-store",
  "Content-Security-Policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
  "X-Frame-Options": "DENY",
} as const;

export class StatusPage implements AsyncDisposable {
  readonly #options: StatusPageOptions;
  readonly #assets: ReadonlyMap<string, Asset>;
  readonly #server: Server;
  readonly #pages: Pages;
  readonly #sampler: HistorySampler;
  readonly #watchers: Watchers;
  #retry: Timer | undefined;
  /** Requests of this second. */
  #second = { beganMs: 0, count: 0 };

  private constructor(options: StatusPageOptions) {
    this.#options = options;
    const { clock } = options;
    this.#assets = loadAssets();
    const snapshots = new Snapshots(options);
    this.#sampler = new HistorySampler({ ...options, read: () => totalsOf(snapshots) });
    this.#pages = new Pages(snapshots, this.#sampler.history, clock);
    this.#watchers = new Watchers(clock);
    this.#server = createServer({
      ...{ maxHeaderSize: HEADERS_MAX_BYTES, connectionsCheckingInterval: 1_000 },
      ...{ headersTimeout: STATUS_REQUEST_TIMEOUT_MS, requestTimeout: STATUS_REQUEST_TIMEOUT_MS },
      ...{ keepAliveTimeout: STATUS_REQUEST_TIMEOUT_MS },
    });
    this.#server.maxConnections = STATUS_CONNECTIONS_MAX_COUNT;
    this.#server.on("request", (request, response) => this.#asked(request, response));
    this.#server.on("error", (error) => this.#notOpen(codeOf(error)));
    this.#server.on("listening", () => this.#isOpen());
  }

  /** Begins to listen, now or when the port is free. */
  static open(options: StatusPageOptions): StatusPage {
    const page = new StatusPage(options);
    page.#listen();
    if (!options.place.isLoopback) {
      options.conditions.open("statusPageExposed", "", {}, options.clock.nowMs());
    }
    return page;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#retry?.[Symbol.dispose]();
    this.#sampler[Symbol.dispose]();
    this.#watchers[Symbol.dispose]();
    if (!this.#server.listening) return;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }

  #listen(): void {
    const { host, port } = this.#options;
    this.#server.listen({ host, port });
  }

  #isOpen(): void {
    const { conditions, log, port } = this.#options;
    conditions.close("statusPageClosed", "");
    log.write("statusPageOpened", { port });
  }

  #notOpen(sysCode: ReturnType<typeof codeOf>): void {
    const { conditions, log, clock, port } = this.#options;
    if (this.#server.listening) return;
    const facts = { port, sysCode };
    const isNew = this.#retry === undefined;
    conditions.open("statusPageClosed", "", facts, clock.nowMs());
    if (isNew) log.write("statusPageClosed", facts);
    this.#retry = clock.after(RETRY_MS, () => this.#listen());
  }

  #asked(request: IncomingMessage, response: ServerResponse): void {
    const { clock, place } = this.#options;
    response.on("error", () => {});
    const deadline = clock.after(STATUS_REQUEST_TIMEOUT_MS, () => response.destroy());
    response.on("close", () => deadline[Symbol.dispose]());
    // A body is of no use here, and not read: the connection ends with the answer.
    const hasBody = "content-length" in request.headers || "transfer-encoding" in request.headers;
    if (hasBody) response.setHeader("Connection", "close");
    if (this.#isTooMany()) {
      refuse(response, 429, "Too many requests in this second");
      return;
    }
    const judged = judge(askedOf(request), place);
    if (judged.kind === "refused") refuse(response, judged.status, judged.text);
    else if (judged.path === "/events") this.#watch(request, response, deadline);
    else this.#answer(judged.path, response);
  }

  #watch({ method }: IncomingMessage, response: ServerResponse, deadline: Timer): void {
    if (this.#watchers.isFull) {
      response.setHeader("Retry-After", "10");
      refuse(response, 503, "Enough browsers are told already: reload instead");
      return;
    }
    response.writeHead(200, { ...HEADERS, "Content-Type": "text/event-stream" });
    if (method === "HEAD") {
      response.end();
      return;
    }
    deadline[Symbol.dispose]();
    this.#watchers.add(response);
  }

  #answer(path: string, response: ServerResponse): void {
    const asset = this.#assets.get(path);
    if (asset !== undefined) {
      send(response, { status: 200, ...asset });
      return;
    }
    const { tasks, log } = this.#options;
    tasks.run("statusPage", async () => {
      try {
        send(response, await this.#pages.answer(path));
      } catch (cause) {
        // A defect of the page, which stops nothing else.
        log.fault("statusPageFailed", new AgentError("AGENT_DEFECT", {}, { cause }));
        refuse(response, 500, "This page cannot be made now: use holdfast status");
      }
    });
  }

  #isTooMany(): boolean {
    const nowMs = this.#options.clock.monotonicMs();
    if (nowMs - this.#second.beganMs >= 1_000) this.#second = { beganMs: nowMs, count: 0 };
    this.#second.count += 1;
    return this.#second.count > STATUS_REQUESTS_PER_SECOND;
  }
}

async function totalsOf(snapshots: Snapshots) {
  const found = await snapshots.take();
  if (found === undefined || found.isOld) return undefined;
  return found.status.channels.map(({ name, stored, waiting, replyLatency }) => ({
    ...{ name, stored: Number(stored), waiting: Number(waiting) },
    latency: replyLatency ?? NO_LATENCY,
  }));
}

function askedOf({ method = "", url = "", headers, headersDistinct }: IncomingMessage): Asked {
  const one = (name: string): string | undefined => headersDistinct[name]?.join(" ");
  return {
    ...{ method, target: url, hosts: headersDistinct["host"] ?? [], origin: headers.origin },
    ...{ fetchSite: one("sec-fetch-site"), fetchMode: one("sec-fetch-mode") },
    fetchDest: one("sec-fetch-dest"),
  };
}

function refuse(response: ServerResponse, status: number, text: string): void {
  if (status === 405) response.setHeader("Allow", METHODS);
  response.setHeader("Connection", "close");
  send(response, { status, type: "text/plain; charset=utf-8", body: Buffer.from(`${text}\n`) });
}

function send(response: ServerResponse, { status, type, body }: Answer): void {
  if (response.destroyed || response.headersSent) return;
  const own = { "Content-Type": type, "Content-Length": body.length };
  response.writeHead(status, { ...HEADERS, ...own });
  response.end(body);
}
