/**
 * Who holds connections, and how often they ask: people whose certificate is known apart from everybody else, and each
 * of them apart, so that nobody shuts out whoever is on call.
 *
 * @module
 */
import type { Socket } from "node:net";
import type { Clock } from "../host/clock.ts";
import {
  CONSOLE_CONNECTIONS_MAX_COUNT,
  CONSOLE_CONNECTIONS_OF_ONE_MAX_COUNT,
  CONSOLE_REQUESTS_PER_SECOND,
  STRANGERS_CONNECTIONS_MAX_COUNT,
  STRANGERS_REQUESTS_PER_SECOND,
} from "../limits.ts";
import { isLoopback } from "../outlets/loopback.ts";
import { shownCertificate } from "./certificate.ts";
import type { ConsoleConfiguration } from "./configuration.ts";
import { Rate } from "./rate.ts";

export class Rooms {
  /** Everybody comes from this machine: there is no stranger. */
  readonly #isLocal: boolean;
  readonly #clock: Clock;
  readonly #strangers: Room;
  readonly #known = new Room(CONSOLE_CONNECTIONS_MAX_COUNT);
  /** By certificate. */
  readonly #own: ReadonlyMap<string, { readonly room: Room; readonly rate: Rate }>;
  readonly #rate: Rate;
  /** Below TLS, by where they come from. */
  readonly #sockets = new Map<string, Socket>();

  constructor({ host, people }: Pick<ConsoleConfiguration, "host" | "people">, clock: Clock) {
    const isLocal = isLoopback(host);
    this.#isLocal = isLocal;
    this.#clock = clock;
    this.#strangers = new Room(
      isLocal ? CONSOLE_CONNECTIONS_MAX_COUNT : STRANGERS_CONNECTIONS_MAX_COUNT,
    );
    this.#rate = new Rate(
      clock,
      isLocal ? CONSOLE_REQUESTS_PER_SECOND : STRANGERS_REQUESTS_PER_SECOND,
    );
    this.#own = new Map(
      people.map(({ certificate }) => [
        certificate,
        {
          room: new Room(CONSOLE_CONNECTIONS_OF_ONE_MAX_COUNT),
          rate: new Rate(clock, CONSOLE_REQUESTS_PER_SECOND),
        },
      ]),
    );
  }

  /** A connection of somebody, before it has shown anything. */
  came(socket: Socket): void {
    const place = placeOf(socket);
    this.#sockets.set(place, socket);
    this.#strangers.enter(socket);
    socket.once("close", () => {
      if (this.#sockets.get(place) === socket) this.#sockets.delete(place);
      for (const room of [this.#strangers, this.#known]) room.leave(socket);
      for (const { room } of this.#own.values()) room.leave(socket);
    });
  }

  /** It has shown what it has. */
  shook(secured: Socket): void {
    const own = this.#ownOf(secured);
    const socket = this.#sockets.get(placeOf(secured));
    if (own === undefined || socket === undefined) return;
    this.#strangers.leave(socket);
    this.#known.enter(socket);
    own.room.enter(socket);
  }

  /** Counts one request. */
  isTooMany(socket: Socket): boolean {
    return (this.#ownOf(socket)?.rate ?? this.#rate).isTooMany();
  }

  /** Its connection is not kept. */
  isStranger(socket: Socket): boolean {
    return !this.#isLocal && this.#ownOf(socket) === undefined;
  }

  /** Ends every connection. */
  close(): void {
    for (const socket of this.#sockets.values()) socket.destroy();
  }

  #ownOf(socket: Socket) {
    if (this.#own.size === 0) return undefined;
    return this.#own.get(shownCertificate(socket, this.#clock.nowMs()));
  }
}

/** Whoever comes when it is full comes in, and who has been there longest goes. */
class Room {
  readonly #maxCount: number;
  readonly #sockets = new Set<Socket>();

  constructor(maxCount: number) {
    this.#maxCount = maxCount;
  }

  enter(socket: Socket): void {
    const [oldest] = this.#sockets;
    if (oldest !== undefined && this.#sockets.size >= this.#maxCount) {
      this.#sockets.delete(oldest);
      oldest.destroy();
    }
    this.#sockets.add(socket);
  }

  leave(socket: Socket): void {
    this.#sockets.delete(socket);
  }
}

/** The same above TLS and below. */
const placeOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`;
