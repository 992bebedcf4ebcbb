/** A vendor with a receiver outside of the hospital's machine, who answers the telephone (07 1.5). @module */
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { output } from "#scripts/demo/program.ts";
import { freePort } from "#scripts/free-port.ts";
import { AGENT, makePair, type Pair } from "#scripts/make-pair.ts";
import { exported, judge, type Ledger } from "#test/faults/kill-rounds/oracle.ts";
import type { Container } from "#test/support/container.ts";
import { type ShownStatus, type Started, startReceiver, until } from "#test/support/processes.ts";
import { programFile } from "#test/support/programs.ts";

const DRAIN_MS = 60_000;
const NAME = `${AGENT.tenant}/${AGENT.agent}`;

export class Vendor implements AsyncDisposable {
  readonly pair: Pair;
  /** Of the hospital's first channel. */
  readonly port: number;
  readonly #folder: string;
  #receiver: Started;
  #confirmed = "";

  private constructor(folder: string, pair: Pair, port: number, receiver: Started) {
    this.#folder = folder;
    this.pair = pair;
    this.port = port;
    this.#receiver = receiver;
  }

  static async open(): Promise<Vendor> {
    const folder = mkdtempSync(join(tmpdir(), "holdfast-vendor-"));
    const pair = await makePair({ folder, enrolling: true });
    const receiver = startReceiver(pair.receiverConfig);
    const vendor = new Vendor(folder, pair, await freePort(), receiver);
    await receiver.ready();
    await vendor.#says("trust", "import", join(folder, "receiver/trust.json"));
    await vendor.#says("agent", "add", NAME, "--out", join(folder, "token"));
    return vendor;
  }

  /** What a hospital gets from its vendor: a token, and the keys of the trial. */
  sendTo(machine: Container): void {
    copyFileSync(join(this.#folder, "token"), machine.path("root/token"));
    copyFileSync(join(this.#folder, "agent/anchor.json"), machine.path("root/anchor.json"));
    // The service account reads it, and root's home is nobody else's.
    machine.sh("install -m 0644 anchor.json /etc/anchor.json");
  }

  /** Confirms the code that the hospital reads aloud, once. */
  hears(said: string): void {
    const [, first, second] = /Code: (\d{3}) (\d{3})/.exec(said) ?? [];
    if (first === undefined || second === undefined || this.#confirmed !== "") return;
    this.#confirmed = `${first}${second}`;
    // A refusal shows at the hospital.
    this.#says("agent", "confirm", NAME, this.#confirmed).catch(() => {});
  }

  /** The link is down for the hospital. */
  async goAway(): Promise<void> {
    await this.#receiver.end("SIGKILL");
  }

  async comeBack(): Promise<void> {
    this.#receiver = startReceiver(this.pair.receiverConfig);
    await this.#receiver.ready();
  }

  /** Waits until nothing waits at the hospital. @returns why an oracle does not hold; empty if all do */
  async holds(ledger: Ledger, machine: Container): Promise<string[]> {
    const status = ["-u", "holdfast", "--", "holdfast", "status", "--json"];
    await until(
      "all was delivered",
      () => {
        const { out } = machine.run("runuser", ...status);
        // Beside the facts there may be a line for people.
        const { channels } = JSON.parse(out.slice(out.indexOf("{"))) as ShownStatus;
        return channels.every(({ waiting }) => waiting === 0);
      },
      DRAIN_MS,
    );
    const reasons = await judge(exported(this.pair.receiverConfig), ledger);
    // What `holdfast send` makes up for a trial is nothing that these senders have sent.
    return reasons.filter((reason) => !/^integrity: TEST\S* on adt/.test(reason));
  }

  #says(...args: readonly string[]): Promise<string> {
    return output([programFile("receiver/main.ts"), ...args, "--config", this.pair.receiverConfig]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#receiver[Symbol.asyncDispose]();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
