/**
 * Several receivers on one PostgreSQL, each a process of its own that can be killed, frozen and cut off from
 * its database. Each has a role of its own there: by it one knows whose connections are whose.
 *
 * @module
 */
import { createInterface } from "node:readline";
import { freePort } from "#scripts/free-port.ts";
import type { PostgresServer } from "#test/receiver/support/postgres.ts";
import { ReceiverFolder } from "#test/receiver/support/receiver-folder.ts";
import { type Started, startReceiver } from "#test/support/processes.ts";

const RECEIVER_ROLE = "holdfast";
/** A node that loses its database says so in its log as often as it likes. */
const EVENTS_OF_INTEREST = ["agentFenced", "storeBusy", "protocolViolation", "messageConflict"];

interface LogLine {
  readonly message?: string;
}

export class Node implements AsyncDisposable {
  readonly name: string;
  readonly port: number;
  readonly folder: ReceiverFolder;
  /** How often each event of interest was logged, over all its lives. */
  readonly events = new Map<string, number>();
  /** How its lives ended that nobody ended. */
  readonly crashes: string[] = [];
  readonly #root: string | undefined;
  #process: Started | undefined;
  #isFrozen = false;

  constructor(name: string, port: number, folder: ReceiverFolder, root: string | undefined) {
    this.name = name;
    this.port = port;
    this.folder = folder;
    this.#root = root;
  }

  get isFrozen(): boolean {
    return this.#isFrozen;
  }

  async start(): Promise<void> {
    const started = startReceiver(this.folder.config, this.#root);
    if (started.child.stderr !== null) {
      createInterface({ input: started.child.stderr }).on("line", (line) => this.#heard(line));
    }
    this.#process = started;
    void started.ended.then(({ code, signal }) => {
      if (this.#process === started) this.crashes.push(`${this.name} ended with ${signal ?? code}`);
    });
    await started.ready();
  }

  async kill(): Promise<void> {
    const killed = this.#process;
    this.#process = undefined;
    await killed?.end("SIGKILL");
  }

  freeze(): void {
    this.#isFrozen = true;
    this.#process?.child.kill("SIGSTOP");
  }

  goOn(): void {
    this.#isFrozen = false;
    this.#process?.child.kill("SIGCONT");
  }

  #heard(line: string): void {
    const event = eventOf(line);
    if (event === undefined || !EVENTS_OF_INTEREST.includes(event)) return;
    this.events.set(event, (this.events.get(event) ?? 0) + 1);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    this.folder[Symbol.dispose]();
  }
}

/** A line that is cut by a kill is no JSON. */
function eventOf(line: string): string | undefined {
  if (!line.startsWith("{") || !line.endsWith("}")) return undefined;
  return (JSON.parse(line) as LogLine).message;
}

export class Nodes implements AsyncDisposable {
  readonly all: readonly Node[];
  readonly #server: PostgresServer;
  readonly #database: string;

  private constructor(all: readonly Node[], server: PostgresServer, database: string) {
    this.all = all;
    this.#server = server;
    this.#database = database;
  }

  /** Starts nothing. @param root the tree whose receivers run; absent: this one */
  static async make(server: PostgresServer, count: number, root?: string): Promise<Nodes> {
    const database = await server.newDatabase();
    const nodes: Node[] = [];
    for (let number = 1; number <= count; number++) {
      const role = `node_${number}`;
      await server.ask(database, `CREATE ROLE ${role} LOGIN IN ROLE ${RECEIVER_ROLE}`);
      await server.ask(database, `ALTER ROLE ${role} SET role = '${RECEIVER_ROLE}'`);
      const port = await freePort();
      const place = `host: ${server.path}, port: ${server.port}, database: ${database}`;
      const more = `store: { kind: postgres, ${place}, user: ${role} }`;
      nodes.push(new Node(role, port, new ReceiverFolder({ port, more }), root));
    }
    return new Nodes(nodes, server, database);
  }

  async start(): Promise<void> {
    const [first, ...others] = this.all;
    // It makes the schema.
    await first?.start();
    await Promise.all(others.map((node) => node.start()));
  }

  get database(): string {
    return this.#database;
  }

  /** Ends every connection of a node to the database. @returns how many */
  async cutOff({ name }: Node): Promise<number> {
    const sql = `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = '${name}'`;
    return Number(await this.#server.ask("postgres", sql));
  }

  count(event: string): number {
    return this.all.reduce((sum, { events }) => sum + (events.get(event) ?? 0), 0);
  }

  get crashes(): string[] {
    return this.all.flatMap(({ crashes }) => crashes);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const node of this.all) await node[Symbol.asyncDispose]();
  }
}
