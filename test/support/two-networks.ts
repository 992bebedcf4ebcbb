/**
 * Two network namespaces with one cable between them, on which packets can vanish: without RST, FIN or
 * ICMP, and one way only where a test wants that.
 *
 * A packet vanishes because the sending side has a wrong hardware address for the other, which then drops
 * it as somebody else's: the same as a firewall that drops on INPUT, without needing netfilter.
 *
 * @module
 */
import { spawnSync } from "node:child_process";

/** A side, as `ip` knows it. */
interface Side {
  readonly namespace: string;
  readonly address: string;
  readonly hardware: string;
}

const LINK = "link0";
/** Of no machine: locally administered. */
const NOBODY = "02:00:00:00:00:ff";
const NEEDS = "not tested: packets that vanish";

export class TwoNetworks implements Disposable {
  readonly #agent: Side = side("agent", 1);
  readonly #receiver: Side = side("receiver", 2);

  private constructor() {}

  /** @returns why they cannot be made, if they cannot */
  static make(): TwoNetworks | string {
    if (process.platform !== "linux") return `${NEEDS}; network namespaces are of Linux`;
    if (process.getuid?.() !== 0) return `${NEEDS}; network namespaces need root`;
    const made = new TwoNetworks();
    try {
      made.#connect();
      return made;
    } catch (error) {
      made[Symbol.dispose]();
      return `${NEEDS}; ${error instanceof Error ? error.message : "no namespaces"}`;
    }
  }

  get receiverAddress(): string {
    return this.#receiver.address;
  }

  /** What starts a program at a side, with its arguments. */
  through(at: "agent" | "receiver"): readonly string[] {
    const { namespace } = at === "agent" ? this.#agent : this.#receiver;
    return ["ip", "netns", "exec", namespace];
  }

  /** From now on packets vanish: `up` towards the receiver. */
  lose(direction: "up" | "down" | "both"): void {
    if (direction !== "down") introduce(this.#agent, this.#receiver, NOBODY);
    if (direction !== "up") introduce(this.#receiver, this.#agent, NOBODY);
  }

  mend(): void {
    introduce(this.#agent, this.#receiver);
    introduce(this.#receiver, this.#agent);
  }

  [Symbol.dispose](): void {
    for (const { namespace } of [this.#agent, this.#receiver]) {
      spawnSync("ip", ["netns", "delete", namespace], { stdio: "ignore" });
    }
  }

  #connect(): void {
    const [near, far] = [this.#agent, this.#receiver];
    for (const { namespace } of [near, far]) ip("netns", "add", namespace);
    ip(
      ...["link", "add", LINK, "address", near.hardware, "netns", near.namespace, "type", "veth"],
      ...["peer", "name", LINK, "address", far.hardware, "netns", far.namespace],
    );
    for (const { namespace, address } of [near, far]) {
      ip("-n", namespace, "address", "add", `${address}/24`, "dev", LINK);
      for (const link of [LINK, "lo"]) ip("-n", namespace, "link", "set", link, "up");
    }
    this.mend();
  }
}

function side(name: string, number: number): Side {
  return {
    namespace: `holdfast-${process.pid}-${name}`,
    address: `10.77.0.${number}`,
    hardware: `02:00:00:00:00:0${number}`,
  };
}

/** Tells `to` which hardware address `other` has, for good: nobody is asked. */
function introduce(to: Side, other: Side, hardware = other.hardware): void {
  const entry = [other.address, "lladdr", hardware, "dev", LINK, "nud", "permanent"];
  ip("-n", to.namespace, "neighbour", "replace", ...entry);
}

function ip(...args: readonly string[]): void {
  const { status, stderr, error } = spawnSync("ip", args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`ip ${args.join(" ")}: ${error?.message ?? stderr.trim()}`);
}
