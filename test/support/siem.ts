/** A hospital's collector of syslog over TLS: certificates for it, one that is played, and rsyslog itself. @module */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer, type Server, type TLSSocket } from "node:tls";
import type { SiemSettings } from "#agent/siem/siem-tls.ts";
import { createDevelopmentCa, type IssuedIdentity } from "#certs/development-ca.ts";
import { freePort } from "#scripts/free-port.ts";
import { until } from "./processes.ts";

const PROGRAM = "/usr/sbin/rsyslogd";
export const hasRsyslog =
  existsSync(PROGRAM) &&
  spawnSync("sh", ["-c", "ls /usr/lib/*/rsyslog/lmnsd_ossl.so"], { stdio: "ignore" }).status === 0;

/** PEM files of a CA, a server at 127.0.0.1 and a client. */
export class SiemFiles implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), "holdfast-siem-"));
  readonly ca = join(this.folder, "ca.pem");
  readonly #server: IssuedIdentity;

  private constructor(caPem: string, server: IssuedIdentity, client: IssuedIdentity) {
    this.#server = server;
    writeFileSync(this.ca, caPem);
    for (const [name, pair] of [
      ["server", server],
      ["client", client],
    ] as const) {
      writeFileSync(this.certificate(name), pair.certificatePem);
      writeFileSync(this.key(name), pair.privateKeyPem, { mode: 0o600 });
    }
  }

  static async make(host = "127.0.0.1"): Promise<SiemFiles> {
    const ca = await createDevelopmentCa("Hospital SIEM CA");
    const server = await ca.issueServer([host]);
    const client = await ca.issueAgent({ trustDomain: "t.example", tenant: "t", agent: "a" });
    return new SiemFiles(ca.certificatePem, server, client);
  }

  get server(): IssuedIdentity {
    return this.#server;
  }

  certificate(name: "server" | "client"): string {
    return join(this.folder, `${name}.pem`);
  }

  key(name: "server" | "client"): string {
    return join(this.folder, `${name}.key`);
  }

  settings(port: number, more: Partial<SiemSettings> = {}): SiemSettings {
    return {
      ...{ host: "127.0.0.1", port, caFile: this.ca, content: "entries" },
      ...{ certificateFile: undefined, keyFile: undefined, ...more },
    };
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Takes frames by RFC 5425 to the letter, and fails for anything else. */
export class PlayedCollector implements AsyncDisposable {
  readonly messages: string[] = [];
  /** What was wrong with the framing. */
  readonly faults: string[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<TLSSocket>();
  connectionCount = 0;

  private constructor(server: Server) {
    this.#server = server;
    server.on("secureConnection", (socket) => {
      this.connectionCount += 1;
      this.#sockets.add(socket);
      let rest = Buffer.alloc(0);
      socket.on("error", () => {});
      socket.on("close", () => this.#sockets.delete(socket));
      socket.on("data", (chunk: Buffer) => {
        rest = this.#taken(Buffer.concat([rest, chunk]));
      });
    });
  }

  static async open(files: SiemFiles, port = 0): Promise<PlayedCollector> {
    const { certificatePem: cert, privateKeyPem: key } = files.server;
    const server = createServer({ cert, key });
    const collector = new PlayedCollector(server);
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    return collector;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Hangs up without a goodbye. */
  hangUp(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.hangUp();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #taken(bytes: Buffer): Buffer<ArrayBuffer> {
    let rest = bytes;
    for (;;) {
      const length = /^([1-9]\d{0,6}) /.exec(rest.subarray(0, 9).toString("latin1"));
      if (length === null) {
        if (rest.length >= 9) this.faults.push(rest.subarray(0, 40).toString("latin1"));
        return Buffer.from(rest);
      }
      const from = length[0].length;
      const to = from + Number(length[1]);
      if (rest.length < to) return Buffer.from(rest);
      this.messages.push(rest.subarray(from, to).toString("utf8"));
      rest = rest.subarray(to);
    }
  }
}

/** What rsyslog made of one message. */
export interface CollectedLine {
  readonly sd: string;
  readonly msg: string;
  readonly app: string;
  readonly msgid: string;
  readonly pri: string;
}

/** A real one, on a port of its own; it can be killed and started again. */
export class Rsyslog implements AsyncDisposable {
  readonly port: number;
  readonly #files: SiemFiles;
  readonly #out: string;
  #child: ChildProcess | undefined;

  private constructor(files: SiemFiles, port: number) {
    this.#files = files;
    this.port = port;
    this.#out = join(files.folder, "collected.jsonl");
  }

  static async open(files: SiemFiles, auth: "anon" | "x509/certvalid" = "anon"): Promise<Rsyslog> {
    const collector = new Rsyslog(files, await freePort());
    collector.#configure(auth);
    await collector.start();
    return collector;
  }

  get lines(): CollectedLine[] {
    if (!existsSync(this.#out)) return [];
    return readFileSync(this.#out, "utf8")
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as CollectedLine);
  }

  /** As bytes: what a person who looks at the file sees. */
  get text(): string {
    return existsSync(this.#out) ? readFileSync(this.#out, "utf8") : "";
  }

  async start(): Promise<void> {
    const { folder } = this.#files;
    const pid = join(folder, "rsyslog.pid");
    rmSync(pid, { force: true });
    const log = join(folder, "rsyslog.log");
    writeFileSync(log, "");
    const args = ["-n", "-f", join(folder, "rsyslog.conf"), "-i", pid];
    this.#child = spawn(PROGRAM, args, { stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on("data", (text: Buffer) => appendFileSync(log, text));
    }
    await until("rsyslog listens", () => {
      const { stdout } = spawnSync("ss", ["-ltnH", `sport = :${this.port}`], { encoding: "utf8" });
      return stdout.trim() !== "" || isListening(this.port);
    });
  }

  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined) return;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  #configure(auth: string): void {
    const { folder, ca } = this.#files;
    const own = this.#files.certificate("server");
    writeFileSync(
      join(folder, "rsyslog.conf"),
      `global(workDirectory="${folder}" maxMessageSize="64k"
  DefaultNetstreamDriver="ossl" DefaultNetstreamDriverCAFile="${ca}"
  DefaultNetstreamDriverCertFile="${own}" DefaultNetstreamDriverKeyFile="${this.#files.key("server")}")
module(load="imtcp" StreamDriver.Name="ossl" StreamDriver.Mode="1" StreamDriver.AuthMode="${auth}")
input(type="imtcp" port="${this.port}" address="127.0.0.1")
template(name="facts" type="list" option.jsonf="on") {
  property(outname="pri" name="pri" format="jsonf")
  property(outname="app" name="app-name" format="jsonf")
  property(outname="msgid" name="msgid" format="jsonf")
  property(outname="sd" name="structured-data" format="jsonf")
  property(outname="msg" name="msg" format="jsonf")
}
action(type="omfile" file="${this.#out}" template="facts" flushInterval="1" asyncWriting="off")
`,
    );
  }
}

function isListening(port: number): boolean {
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  return (
    existsSync("/proc/net/tcp") &&
    readFileSync("/proc/net/tcp", "utf8").includes(`:${hex} 00000000:0000 0A`)
  );
}

/** Parameters of structured data, unescaped by RFC 5424 section 6.3.3. */
export function parametersIn(sd: string): ReadonlyMap<string, string> {
  const inner = /^\[\S+((?: \w+="(?:[^"\\\]]|\\["\\\]])*")*)\]$/.exec(sd)?.[1];
  if (inner === undefined) throw new Error(`no structured data: ${sd}`);
  const found = inner.matchAll(/ (\w+)="((?:[^"\\\]]|\\["\\\]])*)"/g);
  return new Map(
    [...found].map(([, name = "", value = ""]) => [name, value.replaceAll(/\\(["\\\]])/g, "$1")]),
  );
}
