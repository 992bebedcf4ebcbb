/**
 * Who comes in: what an upgrade request is answered, from the cheapest reason to the dearest (TP5, 07
 * 1.8, TP2). Nothing before the gate's last steps costs a call to the store.
 *
 * @module
 */
import type { X509Certificate } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { TLSSocket } from "node:tls";
import { SUBPROTOCOL, TUNNEL_PATH } from "#protocol/limits.ts";
import type { AdmittedAgent, ConnectionContext } from "./connection.ts";
import { type Identifier, identifierFrom } from "./errors.ts";
import { judge, type Presented } from "./gate.ts";
import type { Chance } from "./host/clock.ts";
import { factsOf } from "./identity/enrolment-door.ts";
import { noteSeen } from "./identity/renewal-door.ts";
import { GREETINGS_MAX_COUNT, SHED_RETRY_AFTER_S } from "./limits.ts";
import type { Peer } from "./proxy-protocol.ts";
import type { RegistryStore } from "./store/registry.ts";
import type { Store } from "./store/store.ts";
import type { StrangerLog } from "./stranger-log.ts";

export interface AdmissionOptions {
  readonly trustDomain: string;
  readonly agentCas: readonly X509Certificate[];
  /** Connections at most (TP5). */
  readonly connections: number;
  readonly chance: Chance;
  readonly strangers: Pick<StrangerLog, "write">;
  /** Connections that are open now. */
  readonly connectionCount: () => number;
  /** Who a balancer in front named as the other end, if there is one (TP4). */
  readonly sourceOf: (socket: Socket) => Peer | null;
}

/** What it shares with the connections. */
export interface AdmissionContext extends Pick<ConnectionContext, "live" | "clock"> {
  readonly store: Pick<Store, "findAgent"> & RegistryStore;
}

/** Who came in, and with which certificate. */
export interface Admitted {
  readonly agent: AdmittedAgent;
  readonly certificate: Presented;
}

export class Admission {
  readonly #options: AdmissionOptions;
  readonly #context: AdmissionContext;
  /** Upgrades that wait for the store. */
  #judgingCount = 0;

  constructor(options: AdmissionOptions, context: AdmissionContext) {
    this.#options = options;
    this.#context = context;
  }

  /**
   * Decides about one upgrade.
   *
   * @returns the agent, or null: the request has been answered then, or its socket is gone
   * @throws {ReceiverError} if the store cannot go on
   */
  async admit(request: IncomingMessage, socket: Duplex): Promise<Admitted | null> {
    if (!(socket instanceof TLSSocket) || pathOf(request) !== TUNNEL_PATH) {
      return answer(socket, "403 Forbidden");
    }
    const peer = nameOf(this.#options.sourceOf(socket) ?? addressOf(socket));
    // Before the certificate is looked at: refusing costs as little as it can.
    if (this.#isOverloaded(peer)) {
      const retryAfterS = SHED_RETRY_AFTER_S * (1 + this.#options.chance.unit());
      return answer(socket, "503 Service Unavailable", {
        "Retry-After": `${Math.ceil(retryAfterS)}`,
      });
    }
    const nowMs = this.#context.clock.nowMs();
    const verdict = await this.#judge(socket, nowMs);
    if (socket.destroyed) return null;
    if (verdict.kind === "refused") {
      const reason = identifierFrom(verdict.reason);
      this.#options.strangers.write("agentRefused", { reason, peer });
      if (verdict.reason === "CERT_SUPERSEDED" && verdict.agent !== undefined) {
        this.#options.strangers.write("agentSuperseded", { ...factsOf(verdict.agent), peer });
      }
      return answer(socket, "401 Unauthorized", {
        "Holdfast-Reason": verdict.reason,
        "Holdfast-Time": new Date(nowMs).toISOString(),
      });
    }
    if (!offersSubprotocol(request)) return answer(socket, "400 Bad Request");
    await noteSeen(verdict, this.#context);
    return socket.destroyed
      ? null
      : { agent: { ...verdict.agent, peer }, certificate: verdict.certificate };
  }

  #isOverloaded(peer: Identifier): boolean {
    const { connections, connectionCount, strangers } = this.#options;
    const count = connectionCount() + this.#judgingCount;
    const greetingCount = this.#context.live.silentCount + this.#judgingCount;
    if (count < connections && greetingCount < GREETINGS_MAX_COUNT) return false;
    strangers.write("agentShed", { connectionCount: count, greetingCount, peer });
    return true;
  }

  async #judge(socket: TLSSocket, nowMs: number) {
    const { trustDomain, agentCas } = this.#options;
    const { store } = this.#context;
    this.#judgingCount += 1;
    try {
      return await judge(socket, { door: "tunnel", store, trustDomain, agentCas, nowMs });
    } finally {
      this.#judgingCount -= 1;
    }
  }
}

export function addressOf({ remoteAddress = "", remotePort = 0 }: Socket): Peer {
  return { address: remoteAddress, port: remotePort };
}

/** Address and port, as 08 PL2 allows them in a log; a zone behind the address is left out. */
export function nameOf({ address, port }: Peer): Identifier {
  const [plain = ""] = address.split("%", 1);
  return identifierFrom(plain === "" ? "unknown" : `${plain}:${port}`);
}

function pathOf(request: IncomingMessage): string {
  return (request.url ?? "").split("?", 1)[0] ?? "";
}

/** TP2: no common version, 400. `ws` would go on without any. */
function offersSubprotocol(request: IncomingMessage): boolean {
  const offered = request.headers["sec-websocket-protocol"] ?? "";
  return offered.split(",").some((name) => name.trim() === SUBPROTOCOL);
}

export function answer(
  socket: Duplex,
  status: string,
  headers: Readonly<Record<string, string>> = {},
): null {
  const all = { ...headers, Connection: "close", "Content-Length": "0" };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  // Ended only, the socket would stay until the other side ends it too.
  socket.end(`HTTP/1.1 ${status}\r\n${lines.join("")}\r\n`, () => socket.destroy());
  return null;
}
