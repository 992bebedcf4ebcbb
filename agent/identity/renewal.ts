/**
 * One renewal (07 1.6, N1 to N5); recovery after the end of a certificate is the same. Whatever is interrupted, the
 * next call goes on with what is on disk: the key, the request, or the whole certificate.
 *
 * @module
 */
import { createPublicKey, type KeyObject, sign } from "node:crypto";
import type { z } from "zod";
import {
  base64Of,
  nonceAnswer,
  RENEW_NONCE_PATH,
  RENEW_PATH,
  type RenewRequest,
  renewAnswer,
} from "#certs/exchange.ts";
import { checkProfile } from "#certs/profile.ts";
import type { Slot, SlotContent, SlotIdentity } from "#certs/slot.ts";
import type { IdentityStore } from "#certs/slots.ts";
import { renewalTranscript } from "#certs/transcripts.ts";
import { AgentError, identifierFrom } from "../errors.ts";
import type { Ask } from "./doors.ts";

export interface RenewalParts {
  readonly store: IdentityStore;
  readonly ask: Ask;
  /** Told of the receiver's clock, RFC 3339. */
  readonly onServerTime: (time: string) => void;
}

/**
 * Renews what is current.
 *
 * @returns the next slot, complete: it is left to connect with it (N6)
 * @throws {AgentError} `IDENTITY_NOT_WRITABLE`, `RENEWAL_REFUSED`, `RENEWAL_IMPOSSIBLE`, `IDENTITY_ANSWER`, or one of
 *   the tunnel's; what is current goes on
 */
export async function renew(parts: RenewalParts, current: SlotIdentity): Promise<Slot> {
  const { store } = parts;
  const { device } = current.keys;
  if (device === undefined) throw new AgentError("RENEWAL_IMPOSSIBLE", {});
  // N1 After a crash the same key, and the same request, are used again.
  const { slot, keys } = store.begin(device);
  if (slot.isComplete) return slot;
  const csr = slot.ensureRequest(keys, current.agent);
  // N2
  const { nonce } = await asked(parts, current, RENEW_NONCE_PATH, {}, nonceAnswer);
  // N3
  const { tenant, agent, generation } = current;
  const claim = { tenant, agent, generation, nonce: Buffer.from(nonce, "hex"), csr };
  const request: RenewRequest = {
    csr: base64Of(csr),
    ...{ generation, nonce },
    signature: base64Of(sign(null, renewalTranscript(claim), device)),
  };
  const answer = await asked(parts, current, RENEW_PATH, request, renewAnswer);
  // N5
  slot.complete(contentOf(answer, current, createPublicKey(keys.tls)));
  return slot;
}

function contentOf(
  answer: z.infer<typeof renewAnswer>,
  current: SlotIdentity,
  publicKey: KeyObject,
): SlotContent {
  const { tenant, agent, trustDomain, receiverCaPem } = current;
  if (answer.generation !== current.generation + 1) throw unfit("generation");
  const chainPem = answer.certificate;
  const found = checkProfile(chainPem, { publicKey, tenant, agent, trustDomain });
  if (found.kind === "refused") throw unfit(found.flaw);
  const { kind: _, ...fits } = found;
  const { generation } = answer;
  return { ...fits, chainPem, receiverCaPem, trustChain: current.trustChain, generation };
}

async function asked<T extends { readonly serverTime: string }>(
  { ask, onServerTime }: RenewalParts,
  current: SlotIdentity,
  path: string,
  body: object,
  schema: z.ZodType<T>,
): Promise<T> {
  const { status, body: said } = await ask(current, path, body).catch(throwRefused);
  const read = schema.safeParse(said);
  if (status !== 200 || !read.success) throw new AgentError("TUNNEL_NOT_A_RECEIVER", { status });
  onServerTime(read.data.serverTime);
  return read.data;
}

/** The gate's refusal, of a renewal. */
function throwRefused(error: unknown): never {
  if (!(error instanceof AgentError) || error.code !== "TUNNEL_REFUSED") throw error;
  throw new AgentError("RENEWAL_REFUSED", error.facts, { cause: error });
}

const unfit = (flaw: string): AgentError =>
  new AgentError("IDENTITY_ANSWER", { flaw: identifierFrom(flaw) });
