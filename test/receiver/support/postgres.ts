/**
 * A PostgreSQL server of our own, in a folder that goes away with it: on a local socket, with fsync and
 * checksums, as it would be in earnest.
 *
 * @module
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chownSync, globSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Client } from "pg";
import type { DatabaseOptions } from "#receiver/store/postgres/database.ts";
import { openPostgresStore } from "#receiver/store/postgres/postgres-store.ts";
import type { WholeStore } from "#receiver/store/whole-store.ts";

/** Is said when the files are made, not when the server starts. */
export const NO_CHECKSUMS = "data_checksums=off";
export type Session = Client & AsyncDisposable;

const ROLE = "holdfast";

/** Debian keeps each major version in a folder of its own. */
const programs = (): string | undefined => globSync("/usr/lib/postgresql/*/bin").sort().at(-1);

/** @returns false, or what a test says that is skipped because there is no PostgreSQL */
export function withoutPostgres(): string | false {
  const isRoot = process.getuid?.() === 0;
  if (programs() === undefined && isRoot) {
    spawnSync("apt-get", ["install", "-y", "-q", "--no-install-recommends", "postgresql"]);
  }
  return (
    programs() === undefined && "not tested: the PostgreSQL store; Debian's postgresql is missing"
  );
}

/** PostgreSQL does not run as root. */
function owner(): { readonly uid?: number; readonly gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const idOf = (flag: string) =>
    Number(execFileSync("id", [flag, "postgres"], { encoding: "utf8" }));
  return { uid: idOf("-u"), gid: idOf("-g") };
}

export class PostgresServer implements AsyncDisposable {
  readonly path = mkdtempSync(join(tmpdir(), "holdfast-postgres-"));
  readonly #settings: readonly string[];
  readonly owner = owner();
  readonly port: number;
  #server: ChildProcess | undefined;
  #databaseCount = 0;
  #template: Promise<string> | undefined;

  private constructor(settings: readonly string[]) {
    this.#settings = settings;
    const port = settings.find((setting) => setting.startsWith("port="));
    this.port = Number(port?.slice("port=".length) ?? 5_432);
  }

  /** @param settings such as `max_connections=5`, or {@link NO_CHECKSUMS} */
  static async start(...settings: readonly string[]): Promise<PostgresServer> {
    const server = new PostgresServer(settings.filter((setting) => setting !== NO_CHECKSUMS));
    const { uid, gid } = server.owner;
    if (uid !== undefined && gid !== undefined) chownSync(server.path, uid, gid);
    const checksums = settings.includes(NO_CHECKSUMS) ? [] : ["-k"];
    const rest = ["-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale", "C"];
    server.run("initdb", [...checksums, ...rest]);
    await server.restart();
    await server.ask("postgres", `CREATE ROLE ${ROLE} LOGIN`);
    return server;
  }

  /** Starts it again after {@link stop}. */
  async restart(): Promise<void> {
    const local = ["listen_addresses=", `unix_socket_directories=${this.path}`];
    const all = [...local, ...this.#settings];
    const args = ["-D", join(this.path, "data"), ...all.flatMap((setting) => ["-c", setting])];
    const server = spawn(join(programs() ?? "", "postgres"), args, {
      ...this.owner,
      cwd: this.path,
      stdio: ["ignore", "ignore", "pipe"],
    });
    this.#server = server;
    // A test that is ended does not leave it behind.
    process.once("exit", () => server.kill("SIGQUIT"));
    let said = "";
    // Read to its end: a server whose log nobody reads stands still.
    const lines = createInterface({ input: server.stderr });
    await new Promise<void>((resolve, reject) => {
      server.once("exit", () => reject(new Error(`PostgreSQL did not start: ${said}`)));
      lines.on("line", (line) => {
        said = `${said}\n${line}`.slice(-4_000);
        if (line.includes("ready to accept connections")) resolve();
      });
    });
  }

  /** SIGQUIT: at once, as in a crash; SIGINT: it ends its sessions first. */
  async stop(signal: "SIGQUIT" | "SIGINT" = "SIGQUIT"): Promise<void> {
    const server = this.#server;
    if (server === undefined || server.exitCode !== null) return;
    const exited = once(server, "exit");
    server.kill(signal);
    await exited;
  }

  /** Gives `folder` to the server: something in it was written by us. */
  takeOver(folder: string): void {
    const { uid, gid } = this.owner;
    if (uid !== undefined) execFileSync("chown", ["-R", `${uid}:${gid}`, folder]);
  }

  /** Copies the files of the server, which is stopped, as a backup does. */
  backUp(): void {
    execFileSync("cp", ["-a", join(this.path, "data"), join(this.path, "backup")]);
  }

  /** Puts the backup back. */
  putBack(): void {
    rmSync(join(this.path, "data"), { recursive: true });
    execFileSync("cp", ["-a", join(this.path, "backup"), join(this.path, "data")]);
  }

  /** Lets it read what ALTER SYSTEM has changed. */
  async reload(): Promise<void> {
    await this.ask("postgres", "SELECT pg_reload_conf()");
  }

  /** How a receiver reaches `database`, as the role of docs/receiver-store.md. */
  options(database: string): DatabaseOptions {
    return { host: this.path, port: this.port, database, user: ROLE, poolSize: 4 };
  }

  /** @returns the name of a new database without tables, and with the schema that a person makes */
  async newDatabase(more = ""): Promise<string> {
    this.#databaseCount += 1;
    const name = `store_${this.#databaseCount}`;
    await this.ask("postgres", `CREATE DATABASE ${name} ${more}`);
    if (more === "") await this.ask(name, `CREATE SCHEMA holdfast AUTHORIZATION ${ROLE}`);
    return name;
  }

  /** A store without agents. */
  async openNewStore(): Promise<WholeStore> {
    this.#template ??= this.#prepare();
    const name = await this.newDatabase(`TEMPLATE ${await this.#template}`);
    return openPostgresStore(this.options(name));
  }

  async #prepare(): Promise<string> {
    const name = await this.newDatabase();
    await (await openPostgresStore(this.options(name)))[Symbol.asyncDispose]();
    return name;
  }

  /** A session in which a test itself speaks, as superuser. */
  async session(database: string): Promise<Session> {
    const client = new Client({ host: this.path, port: this.port, database, user: "postgres" });
    client.on("error", () => {});
    await client.connect();
    return Object.assign(client, { [Symbol.asyncDispose]: () => client.end() });
  }

  /** @returns the first column of the first row, as text */
  async ask(database: string, sql: string): Promise<string> {
    await using client = await this.session(database);
    const result = await client.query<unknown[]>({ text: sql, rowMode: "array" });
    return String(result.rows[0]?.[0] ?? "");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    rmSync(this.path, { recursive: true, force: true });
  }

  /** A program of PostgreSQL on the files of the server. */
  run(program: string, args: readonly string[]): void {
    const all = ["-D", join(this.path, "data"), ...args];
    const options = { ...this.owner, cwd: this.path, stdio: "ignore" } as const;
    execFileSync(join(programs() ?? "", program), all, options);
  }
}
