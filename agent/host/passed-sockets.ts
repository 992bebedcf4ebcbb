/**
 * Listening sockets that systemd opened and passed: ports below 1024, which this account may not open, and ports that
 * stay open while the program is exchanged (09 SV7; sd_listen_fds(3)).
 *
 * Each is kept as it came, and listeners get duplicates: closing those closes no port, so that a listener can be closed
 * and opened again. Where nobody listens on one, whoever connects is hung up on, instead of waiting for an answer that
 * never comes.
 *
 * @module
 */
import { createServer, type Server } from "node:net";
import { AgentError, codeOf, identifierFrom } from "../errors.ts";
import { openSocketCalls, type SocketCalls } from "./socket-calls.ts";
import { fits, type SocketPlace } from "./socket-place.ts";

/** What systemd puts into the environment of the process that the sockets are for. */
export interface PassedEnvironment {
  /** `$LISTEN_PID`. */
  readonly pid?: string | undefined;
  /** `$LISTEN_FDS`. */
  readonly count?: string | undefined;
}

/** The first behind standard input, output and error. */
const FIRST_DESCRIPTOR = 3;
const MOST = 1_024;

export class PassedSocket {
  readonly place: SocketPlace;
  readonly #fd: number;
  readonly #calls: SocketCalls;
  /** Hangs up on everybody while nobody listens. */
  #refuser: Server | undefined;

  constructor(fd: number, place: SocketPlace, calls: SocketCalls) {
    this.#fd = fd;
    this.place = place;
    this.#calls = calls;
  }

  /** @returns a descriptor to listen on; whoever gets it closes it @throws {AgentError} `LISTEN_FAILED` */
  take(): number {
    this.#refuser?.close();
    this.#refuser = undefined;
    return this.#duplicate();
  }

  /** Nobody listens on it any more. */
  giveBack(): void {
    if (this.#refuser !== undefined) return;
    const refuser = createServer((socket) => {
      socket.on("error", () => {});
      socket.destroy();
    });
    refuser.on("error", () => {});
    refuser.listen({ fd: this.#duplicate() });
    // The agent ends although it still refuses.
    refuser.unref();
    this.#refuser = refuser;
  }

  /** From now on who connects waits for the next process. */
  leave(): void {
    this.#refuser?.close();
    this.#refuser = undefined;
  }

  #duplicate(): number {
    try {
      return this.#calls.duplicate(this.#fd);
    } catch (cause) {
      throw notListening(this.place.port, cause);
    }
  }
}

/** Too many descriptors are open. */
const notListening = (port: number, cause: unknown): AgentError =>
  new AgentError("LISTEN_FAILED", { port, sysCode: codeOf(cause) }, { cause });

export class PassedSockets implements Disposable {
  readonly #all: readonly PassedSocket[];

  constructor(all: readonly PassedSocket[]) {
    this.#all = all;
  }

  /**
   * Takes over what was passed to this process; of another process's it knows nothing.
   *
   * @throws {AgentError} `SOCKET_UNFIT` {AddOnError} where functions of the system cannot be called
   */
  static async open({ pid, count }: PassedEnvironment): Promise<PassedSockets> {
    const found = Number(count ?? 0);
    if (pid !== String(process.pid) || found === 0) return new PassedSockets([]);
    if (!Number.isInteger(found) || found < 0 || found > MOST) {
      throw new AgentError("SOCKET_UNFIT", { index: 0 });
    }
    const calls = await openSocketCalls();
    const all = Array.from({ length: found }, (_, index) => {
      const fd = FIRST_DESCRIPTOR + index;
      const place = calls.listeningAt(fd);
      if (place === undefined) throw new AgentError("SOCKET_UNFIT", { index });
      return new PassedSocket(fd, place, calls);
    });
    return new PassedSockets(all);
  }

  get count(): number {
    return this.#all.length;
  }

  /**
   * The socket for a channel.
   *
   * @returns `undefined`: it opens its port itself
   * @throws {AgentError} `SOCKET_MISMATCH`: its port is held by a socket that is not for its address
   */
  for(channel: string, host: string, port: number): PassedSocket | undefined {
    const atPort = this.#all.filter((one) => port !== 0 && one.place.port === port);
    const fitting = atPort.find(({ place }) => fits(place, host));
    const [other] = atPort;
    if (fitting !== undefined || other === undefined) return fitting;
    throw new AgentError("SOCKET_MISMATCH", {
      ...{ channel: identifierFrom(channel), port },
      address: identifierFrom(other.place.address),
    });
  }

  /**
   * A socket that none of the channels listens on.
   *
   * @returns why, naming a channel that has no socket, if there is one: most likely it is meant
   */
  unclaimed(
    channels: readonly { readonly name: string; readonly host: string; readonly port: number }[],
  ): AgentError | undefined {
    const claims = channels.map((one) => this.for(one.name, one.host, one.port));
    const unclaimed = this.#all.find((one) => !claims.includes(one));
    if (unclaimed === undefined) return undefined;
    const { address, port } = unclaimed.place;
    const open = channels.find((_, index) => claims[index] === undefined);
    return new AgentError("SOCKET_UNCLAIMED", {
      ...{ address: identifierFrom(address), port },
      ...(open && { channel: identifierFrom(open.name), expected: open.port }),
    });
  }

  /** Whoever connects to one that no channel listens on is hung up on. */
  refuseOnOthers(
    channels: readonly { readonly name: string; readonly host: string; readonly port: number }[],
  ): void {
    const claims = channels.map((one) => this.for(one.name, one.host, one.port));
    for (const one of this.#all) if (!claims.includes(one)) one.giveBack();
  }

  /** They stay open, for the next process. */
  [Symbol.dispose](): void {
    for (const one of this.#all) one.leave();
  }
}
