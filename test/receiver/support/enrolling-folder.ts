/**
 * A receiver that enrols, and whoever enrols or renews there: what is asked and signed is what an agent asks
 * and signs, or what a test says instead.
 *
 * @module
 */
import { generateKeyPairSync, type KeyObject, sign, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { chmodSync, readFileSync } from "node:fs";
import type { IncomingHttpHeaders } from "node:http";
import { request } from "node:https";
import { join } from "node:path";
import { type AuthorityFiles, createAuthority } from "#certs/authority.ts";
import type { IssuedIdentity } from "#certs/development-ca.ts";
import { ed25519Raw } from "#certs/ed25519.ts";
import {
  base64Of,
  ENROLL_PATH,
  type EnrollRequest,
  RENEW_NONCE_PATH,
  RENEW_PATH,
  type RenewRequest,
} from "#certs/exchange.ts";
import { type EnrolmentToken, parseToken, tokenKey } from "#certs/token.ts";
import { confirmationCode, enrolmentTranscript, renewalTranscript } from "#certs/transcripts.ts";
import { agentOf, serialOf } from "#receiver/agent-certificate.ts";
import {
  addAgent,
  confirmAgent,
  denyAgent,
  resetRecovery,
  unlockAgent,
} from "#receiver/cli/agent.ts";
import { type MadeRequest, makeRequest, type RequestOptions } from "#test/support/requests.ts";
import { RECEIVER_CA_PEM } from "./identities.ts";
import { ReceiverFolder } from "./receiver-folder.ts";

const YEAR_MS = 365 * 86_400_000;
const QUIET = { print: () => Promise.resolve(true) };

export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** Of the body, or of the header of the gate. */
  readonly reason: string | undefined;
  readonly json: Record<string, unknown>;
}

let addressCount = 0;

/** An address of this machine from which nobody has called yet: what comes from one is limited. */
export function newAddress(): string {
  addressCount += 1;
  return `127.7.${addressCount >> 8}.${addressCount & 255}`;
}

/** POSTs `body`, with the certificate of `identity` if there is one; `isChunked`: without saying how long it is. */
export async function post(
  port: number,
  path: string,
  body: string | object,
  options: {
    readonly identity?: IssuedIdentity;
    readonly from?: string;
    readonly isChunked?: boolean;
  } = {},
): Promise<Reply> {
  const { identity, from, isChunked = false } = options;
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const asked = request({
    ...{ host: "127.0.0.1", port, path, method: "POST", agent: false, ca: RECEIVER_CA_PEM },
    headers: {
      "Content-Type": "application/json",
      ...(isChunked
        ? { "Transfer-Encoding": "chunked" }
        : { "Content-Length": Buffer.byteLength(text) }),
    },
    ...(from !== undefined && { localAddress: from }),
    ...(identity && { cert: identity.certificatePem, key: identity.privateKeyPem }),
  });
  asked.end(text);
  const [response] = await once(asked, "response");
  let answer = "";
  for await (const chunk of response) answer += chunk;
  const json = answer === "" ? {} : JSON.parse(answer);
  const reason = json.reason ?? response.headers["holdfast-reason"];
  return { status: response.statusCode, headers: response.headers, text: answer, reason, json };
}

/** A receiver with the embedded CA. */
export class EnrollingFolder extends ReceiverFolder {
  /** @param options.enrolment more keys of `enrolment`; `listen` of `listen`; `ca` that of another node */
  static async create(
    options: {
      readonly enrolment?: string;
      readonly listen?: string;
      readonly more?: string;
      readonly ca?: AuthorityFiles;
    } = {},
  ): Promise<EnrollingFolder> {
    const folder = new EnrollingFolder({ more: "" });
    folder.write("receiver-ca.pem", RECEIVER_CA_PEM);
    const ca = `{ kind: embedded, certificate: ca.pem, key: ca.key }`;
    folder.write(
      "receiver.yaml",
      [
        "stateDir: state",
        `listen: { host: 127.0.0.1, port: 0, ${options.listen ?? ""} }`,
        "tls: { certificate: server.pem, key: server.key, agentCa: ca.pem, ca: receiver-ca.pem }",
        `enrolment: { url: "https://localhost", ca: ${ca}, ${options.enrolment ?? ""} }`,
        options.more ?? "",
      ].join("\n"),
    );
    // A year old, so that a receiver whose clock was put back can issue.
    const made = (): Promise<AuthorityFiles> =>
      createAuthority("Agents of the test", Date.now() - YEAR_MS);
    const authority = options.ca ?? (await made());
    folder.write("ca.pem", authority.certificatePem);
    chmodSync(folder.write("ca.key", authority.privateKeyPem), 0o600);
    return folder;
  }

  get caFiles(): AuthorityFiles {
    const read = (name: string): string => readFileSync(join(this.path, name), "utf8");
    return { certificatePem: read("ca.pem"), privateKeyPem: read("ca.key") };
  }

  /** `agent add`. */
  async token(name: string): Promise<EnrolmentToken> {
    const printed: string[] = [];
    const print = (text: string): Promise<boolean> => Promise.resolve(printed.push(text) > 0);
    await addAgent({ print }, name, { config: this.config });
    const parsed = parseToken(printed[0] ?? "");
    if (parsed.kind === "refused") throw new Error(`no token: ${parsed.why}`);
    return parsed.token;
  }

  confirm(name: string, code: string): Promise<void> {
    return confirmAgent(QUIET, [name, code], { config: this.config });
  }

  deny(name: string, options: { serial?: string; deviceKey?: boolean; undo?: boolean } = {}) {
    return denyAgent(QUIET, name, { config: this.config, ...options });
  }

  unlock(name: string): Promise<void> {
    return unlockAgent(QUIET, name, { config: this.config });
  }

  resetRecovery(name: string): Promise<void> {
    return resetRecovery(QUIET, name, { config: this.config });
  }

  /** An agent, enrolled from token to certificate. */
  async enrol(port: number, name: string): Promise<Applicant> {
    const applicant = await Applicant.create(port, await this.token(name));
    await applicant.enrol();
    await this.confirm(name, applicant.code);
    const { status, text } = await applicant.enrol();
    if (status !== 200) throw new Error(`not enrolled: ${status} ${text}`);
    return applicant;
  }
}

/** A machine that enrols, and renews afterwards. */
export class Applicant {
  readonly port: number;
  readonly token: EnrolmentToken;
  readonly device: KeyObject = generateKeyPairSync("ed25519").privateKey;
  request: MadeRequest;
  /** Where it calls from; each time somewhere else if absent. */
  from: string | undefined;
  /** PEM, once there is one. */
  certificatePem = "";
  generation = 1;

  private constructor(port: number, token: EnrolmentToken, made: MadeRequest) {
    this.port = port;
    this.token = token;
    this.request = made;
  }

  static async create(
    port: number,
    token: EnrolmentToken,
    options: RequestOptions = {},
  ): Promise<Applicant> {
    return new Applicant(port, token, await makeRequest(options));
  }

  get deviceKey(): Uint8Array {
    return ed25519Raw(this.device);
  }

  get code(): string {
    return confirmationCode(this.#transcript());
  }

  get identity(): IssuedIdentity {
    const { certificatePem, serialHex } = this;
    return { certificatePem, privateKeyPem: this.request.privateKeyPem, serialHex };
  }

  get certificate(): X509Certificate {
    return new X509Certificate(this.certificatePem);
  }

  get serialHex(): string {
    return serialOf(this.certificate);
  }

  get enrollRequest(): EnrollRequest {
    const transcript = this.#transcript();
    const signed = (key: KeyObject): string => base64Of(sign(null, transcript, key));
    return {
      tokenId: this.token.tokenId,
      csr: base64Of(this.request.der),
      deviceKey: base64Of(this.deviceKey),
      tokenSignature: signed(tokenKey(this.token)),
      deviceSignature: signed(this.device),
    };
  }

  /** EN5, with what is changed of it. */
  async enrol(changed: Partial<EnrollRequest> = {}): Promise<Reply> {
    const asked = { ...this.enrollRequest, ...changed };
    const reply = await post(this.port, ENROLL_PATH, asked, { from: this.from ?? newAddress() });
    if (reply.status === 200) this.certificatePem = String(reply.json["certificate"]);
    return reply;
  }

  /** N2. */
  nonce(identity = this.identity): Promise<Reply> {
    return post(this.port, RENEW_NONCE_PATH, {}, { identity });
  }

  /** N3, over a new key, or the same request again. */
  async renewRequest(nonce: string, made: MadeRequest, generation = this.generation) {
    const name = agentOf(this.certificate, "holdfast.local");
    const claim = {
      ...{ tenant: name?.tenant ?? "", agent: name?.name ?? "", generation },
      ...{ nonce: Buffer.from(nonce, "hex"), csr: made.der },
    };
    const signature = base64Of(sign(null, renewalTranscript(claim), this.device));
    return { csr: base64Of(made.der), generation, nonce, signature } satisfies RenewRequest;
  }

  /** N2 and N3. @returns the answer, and what the agent has with it */
  async renew(
    options: {
      readonly made?: MadeRequest;
      readonly generation?: number;
      readonly identity?: IssuedIdentity;
      readonly changed?: Partial<RenewRequest>;
    } = {},
  ): Promise<Reply & { readonly made: MadeRequest; readonly renewed: IssuedIdentity }> {
    const { made = await makeRequest(), generation, identity = this.identity } = options;
    const fetched = await this.nonce(identity);
    const { privateKeyPem } = made;
    if (fetched.status !== 200) return { ...fetched, made, renewed: this.identity };
    const body = await this.renewRequest(String(fetched.json["nonce"]), made, generation);
    const asked = { ...body, ...options.changed };
    const reply = await post(this.port, RENEW_PATH, asked, { identity });
    if (reply.status !== 200) return { ...reply, made, renewed: this.identity };
    const certificatePem = String(reply.json["certificate"]);
    const serialHex = serialOf(new X509Certificate(certificatePem));
    return { ...reply, made, renewed: { certificatePem, privateKeyPem, serialHex } };
  }

  /** Goes on with what {@link renew} has given. */
  adopt({ json, made }: Reply & { readonly made: MadeRequest }): void {
    this.certificatePem = String(json["certificate"]);
    this.generation = Number(json["generation"]);
    this.request = made;
  }

  #transcript(): Uint8Array {
    return enrolmentTranscript({
      ...{ tokenId: this.token.tokenId, csr: this.request.der },
      devicePublicKey: this.deviceKey,
    });
  }
}
