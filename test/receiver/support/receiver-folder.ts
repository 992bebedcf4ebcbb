/**
 * A folder with everything a receiver needs, and the receiver in it: in this process, or in one of
 * its own that can be killed.
 *
 * @module
 */
import { type ChildProcess, spawn } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { IssuedIdentity } from "#certs/development-ca.ts";
import { serialOf } from "#receiver/agent-certificate.ts";
import { loadConfiguration } from "#receiver/configuration.ts";
import { type Chance, type Clock, systemClock } from "#receiver/host/clock.ts";
import type { Log, LogEvent } from "#receiver/host/log.ts";
import { ask } from "#receiver/local-client.ts";
import { openReceiver, type Receiver } from "#receiver/receiver.ts";
import { programFile } from "#test/support/programs.ts";
import { AGENT_CA_PEM, issueAgent, RECEIVER_IDENTITY } from "./identities.ts";

const SQLITE = { kind: "sqlite" } as const;
const MAIN = programFile("receiver/main.ts");

export interface Finished {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export interface Served extends AsyncDisposable {
  readonly port: number;
  readonly child: ChildProcess;
  /** The first line of standard output. */
  readonly line: string;
  /** Sends the signal and waits for the end. */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

export interface NewAgent {
  readonly name: string;
  readonly identity: IssuedIdentity;
  /** The bodies that are stored for it, as Latin-1, in the order of export. */
  stored(): Promise<string[]>;
}

export interface LogLine {
  readonly event: LogEvent;
  readonly facts: Readonly<Record<string, unknown>>;
}

export class ReceiverFolder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), "holdfast-receiver-"));
  readonly stateDir = join(this.path, "state");
  readonly config = join(this.path, "receiver.yaml");
  readonly logged: LogLine[] = [];
  #agentCount = 0;

  /** @param options.listen more keys of `listen`; `more` lines of the file */
  constructor(
    options: { readonly port?: number; readonly listen?: string; readonly more?: string } = {},
  ) {
    mkdirSync(this.stateDir, { mode: 0o700 });
    this.write("server.pem", RECEIVER_IDENTITY.certificatePem);
    this.write("server.key", RECEIVER_IDENTITY.privateKeyPem);
    this.write("agents.pem", AGENT_CA_PEM);
    this.write(
      "receiver.yaml",
      [
        "stateDir: state",
        `listen: { host: 127.0.0.1, port: ${options.port ?? 0}, ${options.listen ?? ""} }`,
        "tls: { certificate: server.pem, key: server.key, agentCa: agents.pem }",
        options.more ?? "",
      ].join("\n"),
    );
  }

  write(name: string, text: string): string {
    const file = join(this.path, name);
    writeFileSync(file, text);
    return file;
  }

  /** Registers an agent, as `agent add` does. */
  async add(name: string, identity: IssuedIdentity): Promise<void> {
    const [tenant = "", agent = ""] = name.split("/");
    const serialHex = serialOf(new X509Certificate(identity.certificatePem));
    const question = { ask: "addAgent", tenant, name: agent, serialHex, atMs: 0 } as const;
    for await (const _ of ask(this.stateDir, question, SQLITE));
  }

  /** An agent that nobody has seen before, registered: its channels are empty. */
  async newAgent(): Promise<NewAgent> {
    this.#agentCount += 1;
    const name = `north/ward-${this.#agentCount}`;
    const identity = await issueAgent(name);
    await this.add(name, identity);
    const stored = async (): Promise<string[]> => {
      const rows = await this.export(true);
      const own = rows.filter((row) => row["agent"] === name && row["gap"] === undefined);
      return own.map((row) => Buffer.from(String(row["body"]), "base64").toString("latin1"));
    };
    return { name, identity, stored };
  }

  /** A receiver in this process. */
  open(
    options: {
      readonly heartbeatMs?: number;
      readonly chance?: Chance;
      readonly clock?: Clock;
    } = {},
  ): Promise<Receiver> {
    const log: Log = {
      write: (event, facts) => void this.logged.push({ event, facts }),
      fault: (event, error) => void this.logged.push({ event, facts: { code: error.code } }),
    };
    return openReceiver(loadConfiguration(this.config), { clock: systemClock, log, ...options });
  }

  /** `holdfast-receiver serve` in a process of its own, once it accepts traffic. */
  async serve(): Promise<Served> {
    const child = spawn(process.execPath, [MAIN, "serve", "--config", this.config], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    let err = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      err += text;
    });
    const exited = once(child, "exit");
    const lines = createInterface({ input: child.stdout });
    const line = await Promise.race([
      once(lines, "line").then(([text]) => String(text)),
      exited.then(([code]) => Promise.reject(new Error(`serve ended with ${code}: ${err}`))),
    ]);
    const { listening } = JSON.parse(line) as { listening: { port: number } };
    const end = async (signal: NodeJS.Signals): Promise<number | null> => {
      child.kill(signal);
      const [code] = (await exited) as [number | null];
      return code;
    };
    const dispose = async (): Promise<void> => {
      if (child.exitCode === null && child.signalCode === null) await end("SIGKILL");
    };
    return { port: listening.port, child, line, end, [Symbol.asyncDispose]: dispose };
  }

  /** One command, to its end. */
  async run(...args: readonly string[]): Promise<Finished> {
    const child = spawn(process.execPath, [MAIN, ...args], { stdio: ["ignore", "pipe", "pipe"] });
    let out = "";
    let err = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      out += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      err += text;
    });
    const [code] = (await once(child, "close")) as [number | null];
    return { code, out, err };
  }

  /** What `export` says, through the running receiver or without one. */
  async export(withBody = false): Promise<Record<string, unknown>[]> {
    const rows: Record<string, unknown>[] = [];
    const question = { ask: "export", withBody, channel: null, agent: null } as const;
    for await (const line of ask(this.stateDir, question, SQLITE)) rows.push(JSON.parse(line));
    return rows;
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
