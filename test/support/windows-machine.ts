/** A machine with Windows, as far as wine is one, and the executable as `npm run build` makes it. @module */
import {
  appendFileSync,
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Made } from "#installer/bill/made.ts";
import { buildExecutable } from "#installer/executable.ts";
import { AGENT } from "#installer/programs.ts";
import { shipAddOns } from "#installer/shipped-add-ons.ts";
import { forWine } from "#scripts/windows-node.ts";
import { AgentFolder } from "./agent-folder.ts";
import { adt, framed } from "./messages.ts";
import { MllpSocket } from "./mllp-socket.ts";
import { until } from "./processes.ts";
import { Wine } from "./wine.ts";

const LIMIT_MS = 120_000;
export const PROGRAM = "C:\\Program Files\\Holdfast\\holdfast.exe";

/** As a package lays it out: the executable, and `lib` beside it. */
export class WindowsProgram implements Disposable {
  /** `layOut` takes it. */
  readonly made: Pick<Made, "file" | "addOns">;
  readonly folder: string;

  private constructor(folder: string, made: Pick<Made, "file" | "addOns">) {
    this.folder = folder;
    this.made = made;
  }

  static async build(): Promise<WindowsProgram> {
    const folder = mkdtempSync(join(tmpdir(), "holdfast-windows-"));
    const addOns = shipAddOns("win-x64", join(folder, "lib"));
    const made = await buildExecutable(AGENT, "win-x64", folder, addOns);
    writeFileSync(made.file, forWine(readFileSync(made.file)));
    return new WindowsProgram(folder, made);
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export interface Said {
  readonly code: number | null;
  readonly printed: string;
}

export class WindowsMachine implements Disposable {
  readonly wine = new Wine();
  readonly #folder: AgentFolder;

  private constructor(folder: AgentFolder) {
    this.#folder = folder;
    this.wine.stayUp();
  }

  static async make(): Promise<WindowsMachine> {
    return new WindowsMachine(await AgentFolder.make());
  }

  /** Where messages are taken. */
  get port(): number {
    return this.#folder.port;
  }

  /** `C:\ProgramData\Holdfast`, as this machine sees it. */
  get data(): string {
    return join(this.wine.drive, "ProgramData/Holdfast");
  }

  /** By hand, where an installer would. */
  place(program: WindowsProgram): void {
    cpSync(program.folder, join(this.wine.drive, "Program Files/Holdfast"), { recursive: true });
  }

  /** What a person prepares: `local.yaml`, an identity, and the key, which are made elsewhere. */
  configure(custody: "file" | "dpapi" = "file"): void {
    cpSync(dirname(this.#folder.config), this.data, { recursive: true });
    appendFileSync(join(this.data, "local.yaml"), `kek:\n  custody: ${custody}\n`);
    for (const name of ["state", "kek"]) this.unshare(name);
  }

  /** Of the key-encryption key. */
  get kek(): string {
    return join(this.data, "kek/holdfast.kek");
  }

  /** Wine shows rights of this machine as an access list. @param name in `data` */
  share(name: string): void {
    chmodSync(join(this.data, name), 0o755);
  }

  unshare(name: string): void {
    mkdirSync(join(this.data, name), { recursive: true });
    chmodSync(join(this.data, name), 0o700);
  }

  /** Outside: for an installer to take over. */
  get preparedConfig(): string {
    return this.#folder.config;
  }

  holdfast(...args: readonly string[]): Promise<Said> {
    return this.wine.run(args, LIMIT_MS, PROGRAM);
  }

  /** Any other program of it. */
  command(program: string, ...args: readonly string[]): Promise<Said> {
    return this.wine.run(args, LIMIT_MS, program);
  }

  /** Ends every process at once, and starts Windows again: wine does not notice when a service alone is killed. */
  crash(): void {
    this.wine.crash();
    this.wine.stayUp();
  }

  [Symbol.dispose](): void {
    this.wine[Symbol.dispose]();
    this.#folder[Symbol.dispose]();
  }
}

export async function sendTo(machine: WindowsMachine, controlId: string): Promise<void> {
  await using sender = await MllpSocket.open(machine.port);
  await sender.send(framed(adt(controlId)));
  await until("it is acknowledged", () => sender.received.includes(`MSA|AA|${controlId}`));
}

/** So many messages are stored and not settled, as the agent that runs says. */
export async function waitingOn(machine: WindowsMachine): Promise<number> {
  const { printed } = await machine.holdfast("status", "--json");
  const { channels } = JSON.parse(printed) as { channels: { waiting: number }[] };
  return channels.reduce((sum, channel) => sum + channel.waiting, 0);
}
