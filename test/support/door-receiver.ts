/**
 * A small receiver with the doors of enrolment and renewal, and a gate: written from 07 1.4 to 1.8 and
 * `certs/exchange.ts`, so that agent and receiver cannot share a mistake. It remembers in memory, and a person at the
 * vendor is a property.
 *
 * @module
 */
import { createHash, type KeyObject, randomBytes, verify, X509Certificate } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { TLSSocket } from "node:tls";
import { createDevelopmentCa, type IssuedIdentity } from "#certs/development-ca.ts";
import { ed25519OfRaw, ed25519Raw } from "#certs/ed25519.ts";
import { bytesOf, enrollRequest, renewRequest } from "#certs/exchange.ts";
import { serialOf } from "#certs/profile.ts";
import { type EnrolmentToken, formatToken, tokenKey } from "#certs/token.ts";
import { confirmationCode, enrolmentTranscript, renewalTranscript } from "#certs/transcripts.ts";
import { signDocument } from "#documents/sign.ts";
import { spkiSha256 } from "./certificate-digests.ts";
import { FakeReceiver } from "./fake-receiver.ts";
import { KEYS, trust } from "./signed-documents.ts";
import { createTestAuthority, keyOfRequest, type TestAuthority } from "./test-authority.ts";

const TRUST_DOMAIN = "holdfast.local";
const TENANT = "north";
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

interface Registered {
  readonly tokenKey: KeyObject;
  readonly agent: string;
  claim: string | undefined;
  code: string | undefined;
  certificate: string | undefined;
}

/** An agent that was enrolled. */
interface Known {
  readonly device: KeyObject;
  current: string;
  next: string | undefined;
  generation: number;
  /** Of the latest issue: digest of its request and what was answered. */
  last:
    | { readonly digest: string; readonly forGeneration: number; readonly certificate: string }
    | undefined;
}

export interface Issue {
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  readonly tenant?: string;
}

export class DoorReceiver implements AsyncDisposable {
  /** Whether a person at the vendor has confirmed the code. */
  isConfirmed = true;
  /** Codes that a person at the vendor sees. */
  readonly codes = new Set<string>();
  /** Every request at a door, as `METHOD path`. */
  readonly requests: string[] = [];
  readonly agents = new Map<string, Known>();
  /** Reasons with which the next requests, or upgrades, are refused: one each. */
  readonly refusals: string[] = [];
  /** What an answer is changed into before it leaves. */
  alter: (
    path: string,
    answer: { status: number; body: object },
  ) => { status: number; body: object } | "lost" = (_path, answer) => answer;
  issue: Issue = {};
  trustChain: readonly object[];
  /** Its clock, ms since 1970. */
  nowMs: () => number = () => Date.now();
  readonly authority: TestAuthority;
  readonly caPem: string;
  /** What it shows: its certificate, and that of its CA behind it (07 EN2). */
  readonly shown: IssuedIdentity;
  readonly #tokens = new Map<string, Registered>();
  readonly #nonces = new Set<string>();
  #receiver!: FakeReceiver;

  private constructor(
    authority: TestAuthority,
    caPem: string,
    shown: IssuedIdentity,
    trustChain: readonly object[],
  ) {
    this.shown = shown;
    this.authority = authority;
    this.caPem = caPem;
    this.trustChain = trustChain;
  }

  static async open(options: { readonly hosts?: readonly string[] } = {}): Promise<DoorReceiver> {
    const authority = await createTestAuthority("Agents of the doors");
    const ca = await createDevelopmentCa("Receiver of the doors");
    const server = await ca.issueServer(options.hosts ?? ["localhost", "127.0.0.1"]);
    const document = trust({ tenant: TENANT, receiverCas: [ca.certificatePem] });
    const signers = KEYS.trust.map(({ privateKey }) => privateKey).slice(0, 2);
    const chain = [JSON.parse(Buffer.from(signDocument("trust", document, signers)).toString())];
    const shown = { ...server, certificatePem: `${server.certificatePem}${ca.certificatePem}` };
    const doors = new DoorReceiver(authority, ca.certificatePem, shown, chain);
    doors.#receiver = await FakeReceiver.open({
      identity: shown,
      judge: (request) => doors.#judgeUpgrade(request),
      onRequest: (request, response) => void doors.#answer(request, response),
    });
    return doors;
  }

  get tunnels(): FakeReceiver {
    return this.#receiver;
  }

  get url(): URL {
    return this.#receiver.url;
  }

  /** A token for `north/AGENT`, as the vendor would hand it over. */
  token(agent = "ward-1", change: Partial<EnrolmentToken> = {}): string {
    const seed = new Uint8Array(randomBytes(32));
    const token: EnrolmentToken = {
      url: `https://${this.url.host}`,
      ...{ tenant: TENANT, agent, seed },
      tokenId: randomBytes(16).toString("hex"),
      caSpkiSha256: spkiSha256(this.caPem),
      expires: `${new Date(Date.now() + DAY_MS).toISOString().slice(0, 19)}Z`,
      ...change,
    };
    const key = ed25519OfRaw(ed25519Raw(tokenKey(token)));
    const fresh = { claim: undefined, code: undefined, certificate: undefined };
    this.#tokens.set(token.tokenId, { tokenKey: key, agent, ...fresh });
    return formatToken(token);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#receiver[Symbol.asyncDispose]();
  }

  get #time(): string {
    return new Date(this.nowMs()).toISOString();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? "";
    this.requests.push(`${request.method} ${path}`);
    const parts: Buffer[] = [];
    for await (const part of request as AsyncIterable<Buffer>) parts.push(part);
    const body: unknown = JSON.parse(Buffer.concat(parts).toString("utf8"));
    const reason = this.refusals.shift();
    if (reason !== undefined) return this.#refuse(response, reason);
    const answer = await this.#door(path, body, request.socket as TLSSocket);
    if (typeof answer === "string") return this.#refuse(response, answer);
    const altered = this.alter(path, answer);
    if (altered === "lost") return void request.socket.destroy();
    const text = JSON.stringify(altered.body);
    response.writeHead(altered.status, { "Content-Type": "application/json" }).end(text);
  }

  #refuse(response: ServerResponse, reason: string): void {
    response.writeHead(401, { "Holdfast-Reason": reason, "Holdfast-Time": this.#time }).end();
  }

  async #door(
    path: string,
    body: unknown,
    socket: TLSSocket,
  ): Promise<{ status: number; body: object } | string> {
    const serverTime = this.#time;
    if (path === "/v1/enroll") return this.#enroll(body);
    const serial = this.#serialShown(socket);
    const known = [...this.agents.values()].find((one) => [one.current, one.next].includes(serial));
    if (known === undefined) return "UNKNOWN_AGENT";
    if (path === "/v1/renew/nonce") {
      const nonce = randomBytes(32).toString("hex");
      this.#nonces.add(nonce);
      return { status: 200, body: { nonce, serverTime } };
    }
    return this.#renew(body, known);
  }

  async #enroll(body: unknown): Promise<{ status: number; body: object }> {
    const said = enrollRequest.parse(body);
    const token = this.#tokens.get(said.tokenId);
    const refuse = (reason: string) => ({ status: 401, body: { reason } });
    if (token === undefined) return refuse("TOKEN_UNKNOWN");
    const csr = bytesOf(said.csr);
    const devicePublicKey = bytesOf(said.deviceKey);
    const transcript = enrolmentTranscript({ tokenId: said.tokenId, csr, devicePublicKey });
    const device = ed25519OfRaw(devicePublicKey);
    const isSigned =
      verify(null, transcript, token.tokenKey, bytesOf(said.tokenSignature)) &&
      verify(null, transcript, device, bytesOf(said.deviceSignature));
    if (!isSigned) return refuse("SIGNATURE");
    const claim = createHash("sha256").update(transcript).digest("hex");
    token.claim ??= claim;
    if (token.claim !== claim) return refuse("TOKEN_USED");
    this.codes.add(confirmationCode(transcript));
    const serverTime = this.#time;
    if (!this.isConfirmed) return { status: 202, body: { state: "waiting", serverTime } };
    token.certificate ??= await this.#issued(await keyOfRequest(csr), token.agent);
    const current = serialIn(token.certificate);
    if (
      !this.agents.has(token.agent) ||
      this.agents.get(token.agent)?.device.equals(device) !== true
    ) {
      this.agents.set(token.agent, {
        device,
        current,
        next: undefined,
        generation: 1,
        last: undefined,
      });
    }
    const { certificate } = token;
    return { status: 200, body: { certificate, trustChain: this.trustChain, serverTime } };
  }

  async #renew(body: unknown, known: Known): Promise<{ status: number; body: object } | string> {
    const { csr: text, generation, nonce, signature } = renewRequest.parse(body);
    const csr = bytesOf(text);
    if (!this.#nonces.delete(nonce)) return "NONCE";
    const agent = [...this.agents].find(([, one]) => one === known)?.[0] ?? "";
    const claim = { tenant: TENANT, agent, generation, nonce: Buffer.from(nonce, "hex"), csr };
    if (!verify(null, renewalTranscript(claim), known.device, bytesOf(signature)))
      return "SIGNATURE";
    const digest = createHash("sha256").update(csr).digest("hex");
    const { last } = known;
    const isRepeat = last?.digest === digest && last.forGeneration === generation;
    if (!isRepeat) {
      if (generation !== known.generation) return "AGENT_LOCKED";
      const certificate = await this.#issued(await keyOfRequest(csr), agent);
      known.last = { digest, forGeneration: generation, certificate };
      known.next = serialIn(certificate);
      known.generation += 1;
    }
    const { certificate = "" } = known.last ?? {};
    return {
      status: 200,
      body: { certificate, generation: generation + 1, serverTime: this.#time },
    };
  }

  #issued(key: KeyObject, agent: string): Promise<string> {
    return this.authority.issue(key, {
      ...{ trustDomain: TRUST_DOMAIN, tenant: TENANT, agent },
      notBefore: new Date(this.nowMs() - HOUR_MS),
      notAfter: new Date(this.nowMs() + 30 * DAY_MS),
      ...this.issue,
    });
  }

  #serialShown(socket: TLSSocket): string {
    const certificate = socket.getPeerX509Certificate();
    return certificate === undefined ? "" : serialOf(certificate);
  }

  /** G4 and G6 of 1.8, and N7. */
  #judgeUpgrade(request: IncomingMessage): string | undefined {
    const refused = (reason: string): string =>
      `401 Unauthorized\r\nHoldfast-Reason: ${reason}\r\nHoldfast-Time: ${this.#time}`;
    const reason = this.refusals.shift();
    if (reason !== undefined) return refused(reason);
    const certificate = (request.socket as TLSSocket).getPeerX509Certificate();
    if (certificate === undefined) return refused("NO_CERT");
    if (this.nowMs() > certificate.validToDate.getTime()) return refused("CERT_HAS_EXPIRED");
    const serial = serialOf(certificate);
    for (const known of this.agents.values()) {
      if (known.next === serial) {
        known.current = serial;
        known.next = undefined;
      }
      if (known.current === serial) return undefined;
    }
    return refused("CERT_SUPERSEDED");
  }
}

const serialIn = (pem: string): string => serialOf(new X509Certificate(pem));
