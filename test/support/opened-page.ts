/** A status page on a real port, of an agent that a test makes up. @module */
import assert from "node:assert/strict";
import { once } from "node:events";
import { request } from "node:http";
import { connect, type Socket } from "node:net";
import { Conditions } from "#agent/health/conditions.ts";
import { type Clock, systemClock } from "#agent/host/clock.ts";
import { Tasks } from "#agent/host/tasks.ts";
import type { AgentStatus } from "#agent/status.ts";
import { StatusPage } from "#agent/status-page/server.ts";
import { freePort } from "#scripts/free-port.ts";
import { agentStatus } from "./agent-status.ts";
import { until } from "./processes.ts";

export interface Answered {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

export class OpenedPage implements AsyncDisposable {
  readonly port: number;
  readonly conditions = new Conditions();
  readonly logged: string[] = [];
  status: () => Promise<AgentStatus>;
  readonly #tasks = new Tasks((_name, error) => assert.fail(String(error)));
  readonly #page: StatusPage;

  private constructor(port: number, clock: Clock, isLoopback: boolean, first: AgentStatus) {
    this.port = port;
    this.status = () => Promise.resolve(first);
    this.#page = StatusPage.open({
      ...{ host: "127.0.0.1", port, place: { isLoopback, hostNames: [] } },
      ...{ clock, tasks: this.#tasks, conditions: this.conditions },
      log: {
        write: (event) => void this.logged.push(event),
        fault: (event) => void this.logged.push(event),
      },
      status: () => this.status(),
    });
  }

  /** @param port already taken, if it is given */
  static async open(
    options: {
      readonly port?: number;
      readonly clock?: Clock;
      readonly isLoopback?: boolean;
      readonly status?: Partial<AgentStatus>;
    } = {},
  ): Promise<OpenedPage> {
    const { port, clock = systemClock, isLoopback = true } = options;
    const first = agentStatus(options.status);
    const page = new OpenedPage(port ?? (await freePort()), clock, isLoopback, first);
    const expected = port === undefined ? "statusPageOpened" : "statusPageClosed";
    await until(expected, () => page.logged.includes(expected));
    return page;
  }

  ask(
    path: string,
    {
      method = "GET",
      headers = {},
    }: { readonly method?: string; readonly headers?: Record<string, string> } = {},
  ): Promise<Answered> {
    const { promise, resolve, reject } = Promise.withResolvers<Answered>();
    const { port } = this;
    const asked = request({ host: "127.0.0.1", port, path, method, headers, agent: false });
    asked.on("error", reject);
    asked.on("response", (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (text: string) => {
        body += text;
      });
      response.on("error", reject);
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
      );
    });
    asked.end();
    return promise;
  }

  /** A connection of somebody who speaks HTTP by hand. */
  async connect(): Promise<Socket> {
    const socket = connect(this.port, "127.0.0.1");
    socket.on("error", () => {});
    await once(socket, "connect");
    return socket;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#page[Symbol.asyncDispose]();
    await this.#tasks[Symbol.asyncDispose]();
  }
}
