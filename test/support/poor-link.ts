/**
 * Two networks with a poor link between them: narrow, slow and lossy, packet by packet, in a kernel with or
 * without `netem` (`test/rigs/net/poor-link.c`).
 *
 * @module
 */
import { spawnSync } from "node:child_process";
import { accessSync, mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { Started } from "./processes.ts";
import { TwoNetworks } from "./two-networks.ts";

const ROOT = join(import.meta.dirname, "../..");
const SOURCE = join(ROOT, "test/rigs/net/poor-link.c");
const BUILD = join(ROOT, "build/rigs");
const DEVICE = "poor0";
const NETWORK = "10.78.0.0/24";
const ADDRESSES = { agent: "10.78.0.1", receiver: "10.78.0.2" } as const;
const SIDES = ["agent", "receiver"] as const;
const NEEDS = "not tested: a poor link";

export interface PoorLinkOptions {
  /** Of each direction. */
  readonly bitsPerSecond: number;
  /** Of packets, in each direction. */
  readonly lossPercent: number;
  readonly roundTripMs: number;
  /** For how long a packet may wait for its turn before it is dropped: the buffer of a modem. */
  readonly queueMs?: number;
  readonly seed?: number;
  /** How TCP takes a loss; what a test finds must not be that of the machine it runs on. */
  readonly congestionControl?: "cubic" | "bbr";
}

/** Packets of one direction. */
export interface Passed {
  readonly sent: number;
  readonly lost: number;
  /** The queue was full. */
  readonly dropped: number;
}

export class PoorLink implements AsyncDisposable {
  readonly #networks: TwoNetworks;
  readonly #link: Started;
  readonly #said: string[] = [];

  private constructor(networks: TwoNetworks, link: Started) {
    this.#networks = networks;
    this.#link = link;
    link.child.stdout?.on("data", (text: Buffer) => this.#said.push(text.toString()));
  }

  /** @returns why there can be none here, if there can be none */
  static async make(options: PoorLinkOptions): Promise<PoorLink | string> {
    const program = built();
    if (program === undefined) return `${NEEDS}; it needs gcc and /dev/net/tun`;
    const networks = TwoNetworks.make();
    if (typeof networks === "string") return networks;
    const { bitsPerSecond, lossPercent, roundTripMs, queueMs = 500, seed = 1 } = options;
    const { congestionControl = "cubic" } = options;
    const link = new Started([
      program,
      ...SIDES.map((side) => networks.through(side).at(-1) ?? ""),
      ...[DEVICE, bitsPerSecond / 8, lossPercent, roundTripMs / 2, queueMs, seed].map(String),
    ]);
    try {
      await link.ready();
      for (const side of SIDES) {
        bringUp(networks.through(side), ADDRESSES[side], congestionControl);
      }
      return new PoorLink(networks, link);
    } catch (error) {
      await link[Symbol.asyncDispose]();
      networks[Symbol.dispose]();
      return `${NEEDS}; ${error instanceof Error ? error.message : "no devices"}`;
    }
  }

  /** Across the link; whatever goes there meets it. */
  get receiverAddress(): string {
    return ADDRESSES.receiver;
  }

  /** What starts a program at a side, with its arguments. */
  through(side: "agent" | "receiver"): readonly string[] {
    return this.#networks.through(side);
  }

  /** Takes the link away. @returns what passed while it was there */
  async end(): Promise<{ readonly up: Passed; readonly down: Passed }> {
    await this.#link.end("SIGTERM");
    return JSON.parse(this.#said.join("").split("\n").at(-2) ?? "");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#link[Symbol.asyncDispose]();
    this.#networks[Symbol.dispose]();
  }
}

/** A name of its own until it is whole: several tests may build it at once. */
function built(): string | undefined {
  const [program, fresh] = [join(BUILD, "poor-link"), join(BUILD, `poor-link-${process.pid}`)];
  mkdirSync(BUILD, { recursive: true });
  const options = ["-O2", "-Wall", "-D_GNU_SOURCE", "-o", fresh, SOURCE];
  if (spawnSync("gcc", options, { stdio: "ignore" }).status !== 0) return undefined;
  renameSync(fresh, program);
  try {
    accessSync("/dev/net/tun");
    return program;
  } catch {
    return undefined;
  }
}

function bringUp(through: readonly string[], address: string, congestionControl: string): void {
  const [program = "", ...args] = through;
  for (const command of [
    ["ip", "address", "add", `${address}/24`, "dev", DEVICE],
    ["ip", "link", "set", DEVICE, "up"],
    ["ip", "route", "replace", NETWORK, "dev", DEVICE, "congctl", congestionControl],
  ]) {
    const { status, stderr } = spawnSync(program, [...args, ...command], { encoding: "utf8" });
    if (status !== 0) throw new Error(`${command.join(" ")}: ${stderr.trim()}`);
  }
}
