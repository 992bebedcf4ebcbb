/**
 * The doors for enrolment and renewal, on the port of the tunnel (07 1.5, 1.6, 1.8): which path, how often, how
 * large; and what is said to whoever stands there.
 *
 * @module
 */
import type { X509Certificate } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { z } from "zod";
import {
  ENROLL_PATH,
  enrollRequest,
  RENEW_NONCE_PATH,
  RENEW_PATH,
  renewRequest,
  TIME_HEADER,
} from "#certs/exchange.ts";
import { addressOf, nameOf } from "../admission.ts";
import { type Identifier, identifierFrom, ReceiverError } from "../errors.ts";
import { judge } from "../gate.ts";
import { DOOR_REQUESTS_MAX_COUNT } from "../limits.ts";
import type { Peer } from "../proxy-protocol.ts";
import type { StrangerLog } from "../stranger-log.ts";
import {
  type DoorAnswer,
  FORBIDDEN,
  LATER,
  MALFORMED,
  readJson,
  refusedByGate,
  send,
  TOO_LARGE,
} from "./door-answer.ts";
import { enrol } from "./enrolment-door.ts";
import {
  giveNonce,
  noteSeen,
  type RenewalDoorOptions,
  type Renewing,
  renew,
} from "./renewal-door.ts";
import { addressKey, RequestRate } from "./request-rate.ts";

export interface DoorsOptions extends RenewalDoorOptions {
  readonly agentCas: readonly X509Certificate[];
  readonly strangers: Pick<StrangerLog, "write">;
  /** Who a balancer in front named as the other end, if there is one (TP4). */
  readonly sourceOf: (socket: Socket) => Peer | null;
}

const PATHS: ReadonlySet<string> = new Set([ENROLL_PATH, RENEW_NONCE_PATH, RENEW_PATH]);
const NOTHING = z.strictObject({});

export class IdentityDoors {
  readonly #options: DoorsOptions;
  readonly #strangerRate: RequestRate;
  readonly #agentRate: RequestRate;
  #workingCount = 0;

  constructor(options: DoorsOptions) {
    this.#options = options;
    this.#strangerRate = new RequestRate(options.clock);
    this.#agentRate = new RequestRate(options.clock);
  }

  /** @returns false if the request is for no door of these; it is not answered then */
  handle(request: IncomingMessage, response: ServerResponse): boolean {
    if (!PATHS.has(request.url ?? "")) return false;
    this.#answer(request).then(
      (answer) => {
        if (answer !== null) this.#send(response, answer);
      },
      (error: unknown) => {
        if (!(error instanceof ReceiverError)) throw error;
        this.#options.log.fault("identityFailed", error);
        this.#send(response, LATER);
      },
    );
    return true;
  }

  async #answer(request: IncomingMessage): Promise<DoorAnswer | null> {
    const { socket, method, url } = request;
    if (!(socket instanceof TLSSocket) || method !== "POST") return FORBIDDEN;
    if (this.#workingCount >= DOOR_REQUESTS_MAX_COUNT) return LATER;
    this.#workingCount += 1;
    try {
      return await (url === ENROLL_PATH ? this.#enrol(request) : this.#renew(request, socket));
    } finally {
      this.#workingCount -= 1;
    }
  }

  async #enrol(request: IncomingMessage): Promise<DoorAnswer | null> {
    const peer = this.#options.sourceOf(request.socket) ?? addressOf(request.socket);
    const who = addressKey(peer.address);
    if (!this.#strangerRate.take(who)) return this.#refuseEnrolment("RATE", peer);
    const body = await readJson(request, this.#options.clock);
    if (body === null) return null;
    if (body === "tooLarge") return TOO_LARGE;
    const asked = enrollRequest.safeParse(body === "malformed" ? undefined : body.json);
    if (!asked.success) return MALFORMED;
    const enrolment = await enrol(asked.data, this.#options);
    if (enrolment.kind === "refused") return this.#refuseEnrolment(enrolment.reason, peer);
    this.#strangerRate.giveBack(who);
    const serverTime = this.#time();
    if (enrolment.kind === "waiting") {
      return { status: 202, body: JSON.stringify({ state: "waiting", serverTime }) };
    }
    const certificate = JSON.stringify(enrolment.certificatePem);
    // As they were imported, byte for byte.
    const chain = enrolment.trustChain.join(",");
    return {
      status: 200,
      body: `{"certificate":${certificate},"trustChain":[${chain}],"serverTime":"${serverTime}"}`,
    };
  }

  async #renew(request: IncomingMessage, socket: TLSSocket): Promise<DoorAnswer | null> {
    const { clock } = this.#options;
    const nowMs = clock.nowMs();
    const peer = nameOf(this.#options.sourceOf(socket) ?? addressOf(socket));
    const verdict = await judge(socket, { ...this.#options, door: "renewal", nowMs });
    if (verdict.kind === "refused") return this.#refuseRenewal(verdict.reason, peer);
    // By the certificate: with an old one that was copied nobody uses up what the machine itself may ask.
    const { serialHex } = verdict.certificate;
    if (!this.#agentRate.take(`${verdict.agent.id} ${serialHex}`)) {
      return refusedByGate("RATE", 429);
    }
    const body = await readJson(request, clock);
    if (body === null) return null;
    if (body === "tooLarge") return TOO_LARGE;
    await noteSeen(verdict, this.#options);
    const json = body === "malformed" ? undefined : body.json;
    if (request.url === RENEW_PATH) return this.#renewWith(verdict, json, peer);
    if (!NOTHING.safeParse(json).success) return MALFORMED;
    const nonce = await giveNonce(verdict, this.#options);
    return { status: 200, body: JSON.stringify({ nonce, serverTime: this.#time() }) };
  }

  async #renewWith(renewing: Renewing, json: unknown, peer: Identifier): Promise<DoorAnswer> {
    const asked = renewRequest.safeParse(json);
    if (!asked.success) return MALFORMED;
    const renewal = await renew(renewing, asked.data, this.#options);
    if (renewal.kind === "refused") return this.#refuseRenewal(renewal.reason, peer);
    const { certificatePem: certificate, generation } = renewal;
    const answer = { certificate, generation, serverTime: this.#time() };
    return { status: 200, body: JSON.stringify(answer) };
  }

  #refuseEnrolment(reason: string, peer: Peer): DoorAnswer {
    const facts = { reason: identifierFrom(reason), peer: nameOf(peer) };
    this.#options.strangers.write("enrolmentRefused", facts);
    const body = JSON.stringify({ reason });
    return reason === "RATE"
      ? { status: 429, body, headers: { "Retry-After": "60" } }
      : { status: reason === "CSR_REFUSED" ? 400 : 401, body };
  }

  #refuseRenewal(reason: string, peer: Identifier): DoorAnswer {
    this.#options.strangers.write("renewalRefused", { reason: identifierFrom(reason), peer });
    return refusedByGate(reason);
  }

  /** With the time on whatever is answered: a refusal may be about the clock. */
  #send(response: ServerResponse, answer: DoorAnswer): void {
    send(response, { ...answer, headers: { ...answer.headers, [TIME_HEADER]: this.#time() } });
  }

  #time(): string {
    return new Date(this.#options.clock.nowMs()).toISOString();
  }
}
