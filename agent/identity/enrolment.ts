/**
 * An enrolment (07 1.5, EN1 to EN8): from a token to a certificate that waits to be used. EN9 is the caller's.
 *
 * The token's seed signs and is never sent. Nothing is said to a receiver before it is known by the CA that the token
 * names.
 *
 * @module
 */
import { createPublicKey, type KeyObject, sign } from "node:crypto";
import { ed25519Raw } from "#certs/ed25519.ts";
import {
  base64Of,
  ENROLL_PATH,
  ENROLL_REFUSALS,
  type EnrollAnswer,
  type EnrollRequest,
  enrollAnswer,
  FIRST_GENERATION,
  POLL_MS,
  refusalAnswer,
  waitingAnswer,
} from "#certs/exchange.ts";
import { checkProfile, type FittingCertificate } from "#certs/profile.ts";
import type { Slot, SlotKeys } from "#certs/slot.ts";
import type { IdentityStore } from "#certs/slots.ts";
import { type EnrolmentToken, tokenKey } from "#certs/token.ts";
import { confirmationCode, enrolmentTranscript } from "#certs/transcripts.ts";
import type { Role } from "#documents/role.ts";
import { AgentError, type ErrorCode, identifierFrom } from "../errors.ts";
import { lookAtReceiver } from "../tunnel/dial.ts";
import { issuerFacts } from "../tunnel/issuer-look.ts";
import { askOn, type Way } from "./doors.ts";
import { type EnrolledTrust, trustOf } from "./trust.ts";

export interface EnrolmentParts {
  readonly token: EnrolmentToken;
  /** Its `receiverUrl` is that of the configuration. */
  readonly way: Way;
  readonly store: IdentityStore;
  readonly anchor: Role;
  /** Raw, of `local.yaml`: no trust document may name one (VT3). */
  readonly hospitalKeys: readonly Uint8Array[];
  /** What a person sees meanwhile. */
  readonly onStep: (step: EnrolmentStep) => void;
}

export type EnrolmentStep =
  | { readonly step: "late"; readonly expires: string }
  | { readonly step: "found"; readonly fingerprint: string }
  /** Both consoles show this code (EN7). */
  | { readonly step: "waiting"; readonly code: string }
  | { readonly step: "interrupted"; readonly error: AgentError };

export interface Enrolled {
  readonly slot: Slot;
  readonly serialHex: string;
  readonly notAfterMs: number;
  readonly trust: EnrolledTrust;
  /** Raw: of the device key that was made for it. */
  readonly devicePublicKey: Uint8Array;
  /** RFC 3339. */
  readonly serverTime: string;
}

/** Of a connection that may be there again in a moment: whoever waits for a person need not begin again. */
const PASSING: ReadonlySet<ErrorCode> = new Set([
  "TUNNEL_OVERLOADED",
  "TUNNEL_RECEIVER_FAILING",
  "TUNNEL_UNREACHABLE",
  "TUNNEL_TCP_REFUSED",
  "TUNNEL_TCP_TIMEOUT",
  "TUNNEL_TLS_TIMEOUT",
  "TUNNEL_UPGRADE_TIMEOUT",
  "TUNNEL_DNS_AWAY",
]);

/**
 * @returns once a person at the vendor has confirmed
 * @throws {AgentError} `TOKEN_OTHER_HOST`, `TUNNEL_INTERCEPTED`, `ENROLL_REFUSED`, `ENROLL_TRUST`, `IDENTITY_ANSWER`, and
 *   others of the tunnel and of the identity folder; the same token can be tried again with the same keys
 */
export async function enroll(parts: EnrolmentParts): Promise<Enrolled> {
  const { token, store } = parts;
  const way = wayTo(token, parts.way);
  // EN1 The receiver decides: this clock may be wrong.
  if (way.clock.nowMs() > Date.parse(token.expires)) {
    parts.onStep({ step: "late", expires: token.expires });
  }
  const pinnedCaPem = await pinnedCa(token, way);
  parts.onStep({ step: "found", fingerprint: token.caSpkiSha256 });
  // EN4
  const { slot, keys } = store.beginEnrolment(token.tokenId);
  const { request, code, devicePublicKey } = requestOf(token, slot, keys);
  // EN3, EN5 Each request on a connection that trusts that one CA.
  const ask = () => askOn(way)({ receiverCaPem: pinnedCaPem }, ENROLL_PATH, request);
  const answer = await confirmed(parts, ask, code);
  const { anchor, hospitalKeys } = parts;
  const publicKey = createPublicKey(keys.tls);
  const forbiddenKeys = [...hospitalKeys, devicePublicKey];
  const { fits, trust } = judgeAnswer(answer, {
    ...{ token, anchor, pinnedCaPem, publicKey, forbiddenKeys },
  });
  slot.complete({
    ...fits,
    chainPem: answer.certificate,
    receiverCaPem: trust.receiverCaPem,
    trustChain: JSON.stringify(answer.trustChain),
    generation: FIRST_GENERATION,
  });
  const { serialHex, notAfterMs } = fits;
  const { serverTime } = answer;
  return { slot, serialHex, notAfterMs, trust, devicePublicKey, serverTime };
}

/** What a receiver's answer must fit. */
export interface Applied {
  readonly token: Pick<EnrolmentToken, "tenant" | "agent">;
  readonly anchor: Role;
  readonly pinnedCaPem: string;
  /** Of the key that the certificate was asked for. */
  readonly publicKey: KeyObject;
  /** Raw: the device's own, and the hospital's. */
  readonly forbiddenKeys: readonly Uint8Array[];
}

/** EN8 @throws {AgentError} `IDENTITY_ANSWER`, `ENROLL_TRUST` */
export function judgeAnswer(
  { certificate, trustChain: chain }: EnrollAnswer,
  { token: { tenant, agent }, anchor, pinnedCaPem, publicKey, forbiddenKeys }: Applied,
): { readonly fits: FittingCertificate; readonly trust: EnrolledTrust } {
  const found = checkProfile(certificate, { publicKey, tenant, agent });
  if (found.kind === "refused") {
    throw new AgentError("IDENTITY_ANSWER", { flaw: identifierFrom(found.flaw) });
  }
  const { kind: _, ...fits } = found;
  return { fits, trust: trustOf({ anchor, tenant, chain, forbiddenKeys, pinnedCaPem }) };
}

/** EN1: a token leads nowhere but to the receiver that the hospital's own file names. */
function wayTo({ url }: EnrolmentToken, way: Way): Way {
  const receiverUrl = new URL(url);
  if (receiverUrl.hostname !== way.receiverUrl.hostname) {
    throw new AgentError("TOKEN_OTHER_HOST", {});
  }
  return { ...way, receiverUrl };
}

/** EN2: a look, on a connection that carries no byte of ours but the handshake's. */
async function pinnedCa({ caSpkiSha256 }: EnrolmentToken, way: Way): Promise<string> {
  const chain = await lookAtReceiver(way);
  const pinned = chain.find(({ spkiSha256 }) => spkiSha256 === caSpkiSha256);
  if (pinned !== undefined) return pinned.pem;
  throw new AgentError("TUNNEL_INTERCEPTED", issuerFacts(chain));
}

function requestOf(token: EnrolmentToken, slot: Slot, keys: SlotKeys) {
  const { device } = keys;
  if (device === undefined) throw new AgentError("AGENT_DEFECT", {});
  const csr = slot.ensureRequest(keys, token.agent);
  const devicePublicKey = ed25519Raw(device);
  const { tokenId } = token;
  const transcript = enrolmentTranscript({ tokenId, csr, devicePublicKey });
  const request: EnrollRequest = {
    tokenId,
    csr: base64Of(csr),
    deviceKey: base64Of(devicePublicKey),
    tokenSignature: base64Of(sign(null, transcript, tokenKey(token))),
    deviceSignature: base64Of(sign(null, transcript, device)),
  };
  return { request, code: confirmationCode(transcript), devicePublicKey };
}

/** EN7: the same question every five seconds, until a person has confirmed. */
async function confirmed(
  { way, onStep }: EnrolmentParts,
  ask: () => ReturnType<ReturnType<typeof askOn>>,
  code: string,
): Promise<EnrollAnswer> {
  let isWaiting = false;
  for (;;) {
    try {
      const { status, body } = await ask();
      const answer = enrollAnswer.safeParse(body);
      if (status === 200 && answer.success) return answer.data;
      if (status !== 202 || !waitingAnswer.safeParse(body).success) throw refusal(status, body);
      if (!isWaiting) onStep({ step: "waiting", code });
      isWaiting = true;
    } catch (error) {
      onStep({ step: "interrupted", error: passing(error, isWaiting) });
    }
    await pause(way, POLL_MS);
  }
}

/** @throws `error`, if it will not go away by itself, or nobody waits yet */
function passing(error: unknown, isWaiting: boolean): AgentError {
  const passes = error instanceof AgentError && PASSING.has(error.code);
  if (passes && (isWaiting || error.code === "TUNNEL_OVERLOADED")) return error;
  throw error;
}

function refusal(status: number, body: unknown): AgentError {
  const read = refusalAnswer.safeParse(body);
  if (!read.success) return new AgentError("TUNNEL_NOT_A_RECEIVER", { status });
  if (read.data.reason === "RATE") return new AgentError("TUNNEL_OVERLOADED", { status });
  const known = ENROLL_REFUSALS.find((one) => one === read.data.reason);
  return new AgentError("ENROLL_REFUSED", { code: identifierFrom(known ?? "REFUSED") });
}

function pause({ clock, signal }: Way, delayMs: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const stop = (): void => reject(new AgentError("TUNNEL_UNREACHABLE", {}));
  if (signal.aborted) stop();
  signal.addEventListener("abort", stop, { once: true });
  const timer = clock.after(delayMs, resolve);
  return promise.finally(() => {
    timer[Symbol.dispose]();
    signal.removeEventListener("abort", stop);
  });
}
