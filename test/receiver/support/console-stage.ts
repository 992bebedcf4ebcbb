/**
 * A receiver with its console on a real port, two agents that speak the protocol to it, one that never came, and messages
 * whose bodies and control ids nobody must see.
 *
 * @module
 */
import { X509Certificate } from "node:crypto";
import { request as plainRequest } from "node:http";
import { request as tlsRequest } from "node:https";
import { createDevelopmentCa } from "#certs/development-ca.ts";
import { keyOf, newSecret } from "#receiver/console/sessions.ts";
import { ask } from "#receiver/local-client.ts";
import type { Receiver } from "#receiver/receiver.ts";
import { freePort } from "#scripts/free-port.ts";
import { until } from "#test/support/processes.ts";
import { command, KEYS, signed, status } from "#test/support/signed-documents.ts";
import { createTestCa, type PemPair } from "#test/support/test-certificates.ts";
import { issueAgent } from "./identities.ts";
import { dataFrames, helloFrame, openFrame, PlayedAgent, textOf } from "./played-agent.ts";
import { ReceiverFolder } from "./receiver-folder.ts";
import { ShiftedClock } from "./shifted-clock.ts";

export const CANARY = "CANARYSMITH";
export const CONTROL_ID = "CANARY-4711";
export const AGENT = "north/ward-1";
const MINUTE_MS = 60_000;

export interface Answered {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: string;
}

export interface Ask {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly identity?: PemPair;
}

export interface People {
  readonly viewer: PemPair;
  readonly support: PemPair;
  readonly other: PemPair;
  readonly administrator: PemPair;
  readonly stranger: PemPair;
}

export class ConsoleStage implements AsyncDisposable {
  readonly folder: ReceiverFolder;
  readonly clock = new ShiftedClock();
  readonly port: number;
  readonly people: People | undefined;
  readonly caPem: string;
  #receiver: Receiver | undefined;
  readonly #agents: PlayedAgent[] = [];

  private constructor(
    folder: ReceiverFolder,
    { port, caPem, people }: { port: number; caPem: string; people: People | undefined },
  ) {
    this.folder = folder;
    this.port = port;
    this.caPem = caPem;
    this.people = people;
  }

  /** @param options.tls with certificates of people */
  static async open(
    options: { readonly tls?: boolean; readonly more?: string } = {},
  ): Promise<ConsoleStage> {
    const port = await freePort();
    const isTls = options.tls === true;
    const found = isTls ? await peopleWithCertificates() : undefined;
    const rows = found === undefined ? "" : `, ${found.yaml}`;
    const more = options.more === undefined ? "" : `, ${options.more}`;
    const folder = new ReceiverFolder({ more: `console: { port: ${port}${rows}${more} }` });
    for (const [name, text] of Object.entries(found?.files ?? {})) folder.write(name, text);
    const caPem = found?.serverCaPem ?? "";
    const stage = new ConsoleStage(folder, { port, caPem, people: found?.people });
    // Played agents answer no PING.
    stage.#receiver = await folder.open({ clock: stage.clock, heartbeatMs: 600_000 });
    return stage;
  }

  get receiver(): Receiver {
    if (this.#receiver === undefined) throw new TypeError("Cannot use a receiver that is not open");
    return this.#receiver;
  }

  /** Everything that the receiver has logged. */
  get logText(): string {
    const withBigints = (_key: string, value: unknown): unknown =>
      typeof value === "bigint" ? String(value) : value;
    return JSON.stringify(this.folder.logged, withBigints);
  }

  get origin(): string {
    return `${this.people === undefined ? "http" : "https"}://127.0.0.1:${this.port}`;
  }

  /** Agents: one in trouble, one that is well, one that left, one that never came. */
  async populate(): Promise<PlayedAgent> {
    const first = await this.#join(AGENT);
    await this.#sendStatus(first, [
      { code: "queueAge", channel: "adt", severity: "critical", facts: { seconds: 3_720 } },
      { code: "certificateExpiring", channel: "", severity: "warning", facts: { days: 6 } },
    ]);
    const second = await this.#join("north/ward-2");
    await this.#sendStatus(second, []);
    const third = await this.#join("south/clinic");
    await third[Symbol.asyncDispose]();
    await this.folder.add("south/new", await issueAgent("south/new"));
    await this.#sendDown();
    return first;
  }

  async #join(name: string): Promise<PlayedAgent> {
    const identity = await issueAgent(name);
    await this.folder.add(name, identity);
    const { port } = this.receiver.address;
    const agent = await PlayedAgent.connect(port, identity);
    this.#agents.push(agent);
    agent.send(helloFrame({ capabilities: ["commands"], nowMs: Date.now() }));
    await agent.next("welcome");
    await agent.open();
    const nowMs = Date.now();
    for (let seq = 1; seq <= 40; seq += 1) {
      const waitedMs = Math.max(0, 30 - seq) * 2 * MINUTE_MS;
      const controlId = seq === 7 ? CONTROL_ID : `${CANARY}-${seq}`;
      const body = textOf(`MSH|^~\\&|${CANARY}|${controlId}\rPID|||1||${CANARY}^JANE\r`);
      const meta = { receivedAtMs: nowMs - waitedMs, attributes: { "hl7.controlId": controlId } };
      agent.send(...dataFrames(1, BigInt(seq), body, meta));
    }
    await agent.acked(40n);
    return agent;
  }

  /** @param alarms that are open at the agent */
  async #sendStatus(agent: PlayedAgent, alarms: readonly object[]): Promise<void> {
    agent.send(openFrame({ stream: 3, channel: "$status" }));
    await agent.next("opened");
    const since = new Date(Date.now() - 62 * MINUTE_MS).toISOString();
    const rows = alarms.map((one, at) => ({ id: `a${at}`, since, suppressed: at, ...one }));
    const record = { record: "alarms", version: 1, at: new Date().toISOString(), alarms: rows };
    const [tenant = "", name = ""] = AGENT.split("/");
    const head = signed("status", status({ tenant, agent: name }), KEYS.command);
    agent.send(...dataFrames(3, 1n, textOf(JSON.stringify(record))));
    agent.send(...dataFrames(3, 2n, new Uint8Array(head)));
    await agent.acked(2n);
  }

  async #sendDown(): Promise<void> {
    const [tenant = "", name = ""] = AGENT.split("/");
    const body = new Uint8Array(Buffer.from(`MSH|^~\\&|A|B|C|D|1||ORM^O01|${CONTROL_ID}|P|2.5\r`));
    await this.receiver.send({ tenant, name, channel: "orders", body });
  }

  /** A link into the console, as `holdfast-receiver console link` makes it. @returns its secret */
  async link(role: string, name = "link"): Promise<string> {
    const secret = newSecret();
    const atMs = this.clock.nowMs();
    const question = {
      ask: "consoleLink",
      key: keyOf(secret),
      name,
      role: role as "viewer",
      atMs,
    } as const;
    for await (const _ of ask(this.folder.stateDir, question, { kind: "sqlite" }));
    return secret;
  }

  /** A signed question for {@link AGENT}. */
  question(op = "status.get", change: object = {}): string {
    const [tenant = "", agent = ""] = AGENT.split("/");
    const nonce = Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString("hex");
    const at = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;
    const times = { issuedAt: at(Date.now()), expires: at(Date.now() + 10 * MINUTE_MS) };
    const document = command({ tenant, agent, op, nonce, ...times, ...change });
    return Buffer.from(signed("command", document, KEYS.command)).toString();
  }

  async ask(
    path: string,
    { method = "GET", headers = {}, body, identity }: Ask = {},
  ): Promise<Answered> {
    // A test asks faster than any person: so a second passes with every ten requests.
    this.clock.agedMs += 100;
    const { promise, resolve, reject } = Promise.withResolvers<Answered>();
    const options = { host: "127.0.0.1", port: this.port, path, method, headers, agent: false };
    const isTls = this.people !== undefined;
    const keys = { cert: identity?.certificatePem, key: identity?.privateKeyPem };
    const asked = isTls
      ? tlsRequest({ ...options, ...keys, ca: this.caPem })
      : plainRequest(options);
    asked.on("error", reject);
    asked.on("response", (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (more: string) => {
        text += more;
      });
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }),
      );
    });
    asked.end(body);
    return await promise;
  }

  /** Somebody who has come with a link. */
  async enter(role: string, name = "link"): Promise<Browser> {
    const link = await this.link(role, name);
    const headers = { Origin: this.origin, "Content-Type": FORM };
    const answer = await this.ask("/enter", { method: "POST", headers, body: `link=${link}` });
    return new Browser(this, cookieOf(answer) ?? "");
  }

  /** Somebody who has come with a certificate. */
  async show(identity: PemPair): Promise<Browser> {
    const answer = await this.ask("/", { identity });
    return new Browser(this, cookieOf(answer) ?? "", identity);
  }

  /** Until every agent that spoke is known to have spoken, and the one that left to have left. */
  async settled(browser: Browser): Promise<void> {
    await until("who left is known to be gone", async () => {
      const { body } = await browser.get("/");
      return /not connected <b>2<\/b>/.test(body) && /open alarms <b>2<\/b>/.test(body);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const agent of this.#agents) await agent[Symbol.asyncDispose]();
    await this.#receiver?.[Symbol.asyncDispose]();
    this.folder[Symbol.dispose]();
  }
}

export const FORM = "application/x-www-form-urlencoded";

export const cookieOf = ({ headers }: Answered): string | undefined =>
  [headers["set-cookie"] ?? []].flat()[0]?.split(";")[0];

/** What a browser does: it keeps a cookie, and sends forms of the page that it has seen. */
export class Browser {
  readonly cookie: string;
  readonly #stage: ConsoleStage;
  readonly #identity: PemPair | undefined;

  constructor(stage: ConsoleStage, cookie: string, identity?: PemPair) {
    this.#stage = stage;
    this.cookie = cookie;
    this.#identity = identity;
  }

  get #more(): Ask {
    return this.#identity === undefined ? {} : { identity: this.#identity };
  }

  get(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Answered> {
    return this.#stage.ask(path, { ...this.#more, headers: { Cookie: this.cookie, ...headers } });
  }

  async token(): Promise<string> {
    const { body } = await this.get("/people");
    return /name="token" value="([^"]+)"/.exec(body)?.[1] ?? "";
  }

  async post(
    path: string,
    fields: Readonly<Record<string, string>>,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Answered> {
    const body = new URLSearchParams({ token: await this.token(), ...fields }).toString();
    const own = { Cookie: this.cookie, Origin: this.#stage.origin, "Content-Type": FORM };
    return await this.#stage.ask(path, {
      ...{ ...this.#more, method: "POST", headers: { ...own, ...headers }, body },
    });
  }
}

async function peopleWithCertificates() {
  const ca = await createTestCa("People of the test");
  const foreign = await createTestCa("Somebody else");
  const serverCa = await createDevelopmentCa("Console of the test");
  const server = await serverCa.issueServer(["localhost", "127.0.0.1"]);
  const issue = (name: string, by = ca): Promise<PemPair> => by.issueClient([{ CN: [name] }]);
  const people: People = {
    ...{ viewer: await issue("Vera"), support: await issue("Sam"), other: await issue("Olga") },
    ...{ administrator: await issue("Ada"), stranger: await issue("Sam", foreign) },
  };

  const row = (pair: PemPair, name: string, role: string): string =>
    `{ certificate: "${new X509Certificate(pair.certificatePem).fingerprint256}", name: ${name}, role: ${role} }`;
  const rows = [
    ...[row(people.viewer, "Vera", "viewer"), row(people.support, "Sam", "support")],
    ...[row(people.other, "Olga", "support"), row(people.administrator, "Ada", "administrator")],
    // Its certificate is pinned here, and no issuer of ours has signed it.
    row(people.stranger, "Eve", "administrator"),
  ];
  const tls = "tls: { certificate: console.pem, key: console.key, clientCa: people.pem }";
  return {
    people,
    yaml: `${tls}, people: [${rows.join(", ")}]`,
    serverCaPem: serverCa.certificatePem,
    files: {
      ...{ "console.pem": server.certificatePem, "console.key": server.privateKeyPem },
      "people.pem": ca.certificatePem,
    },
  };
}
