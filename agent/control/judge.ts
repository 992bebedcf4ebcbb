/**
 * Whether a question is to be answered (07 2.4, VM1 to VM5). The first step that fails refuses with its code, and changes
 * nothing.
 *
 * The tunnel authorises nothing (08 4.1): only the document counts, which is signed for a named engineer, one agent and
 * a quarter of an hour.
 *
 * @module
 */
import { whatCommandTimesForbid } from "#documents/command-rules.ts";
import { type Refused, refused } from "#documents/refusal.ts";
import type { Role } from "#documents/role.ts";
import { parseTime, type TimeBase } from "#documents/time.ts";
import type { CommandDocument } from "#documents/types/command.ts";
import { type Recipient, verifyDocument } from "#documents/verify.ts";
import { type Operation, operationOf } from "./catalogue.ts";
import type { Consent } from "./consent.ts";
import type { Rate } from "./rate.ts";

export interface Question {
  readonly operation: Operation;
  readonly document: CommandDocument;
  /** Of the payload: the name of the question in the audit, and where a person approves it. */
  readonly digest: string;
  /** 16 bytes. */
  readonly nonce: Uint8Array;
  /** Wall time: until then its nonce may come again (VM3). */
  readonly expiresMs: number;
}

export interface JudgeParts {
  readonly recipient: Recipient;
  /** `undefined`: there is no trust document yet, and nobody to believe. */
  readonly role: () => Role | undefined;
  readonly time: () => TimeBase;
  readonly hasNonce: (nonce: Uint8Array) => Promise<boolean>;
  readonly consent: Pick<Consent, "objection">;
  readonly rate: Pick<Rate, "admits">;
  /** A question is being answered. */
  readonly isBusy: () => boolean;
}

export type Verdict =
  | { readonly kind: "accepted"; readonly question: Question }
  /** `by`: the engineer, once the signature is known to be good. */
  | { readonly kind: "refused"; readonly why: Refused; readonly by?: Refusing };

export interface Refusing {
  readonly engineer: string;
  readonly digest: string;
}

/** @param id as the frame names the document: its nonce (06 TP36) */
export async function judge(
  envelope: Uint8Array,
  id: Uint8Array,
  parts: JudgeParts,
): Promise<Verdict> {
  const { recipient, role, time, hasNonce } = parts;
  const nobody: Role = { keys: new Map(), threshold: 1 };
  // VM1 V1 to V10, with the role command.
  const verified = verifyDocument({
    ...{ envelope, type: "command", role: role() ?? nobody, recipient },
  });
  if (verified.kind === "refused") return { kind: "refused", why: verified };
  const { document, digest } = verified;
  const by = { engineer: document.engineer, digest };
  const nonce = new Uint8Array(Buffer.from(document.nonce, "hex"));
  // The frame cannot pass one question off as another.
  if (Buffer.compare(nonce, id) !== 0) {
    return { kind: "refused", why: refused("MALFORMED", "VM1", "id"), by };
  }
  // VM2 A quarter of an hour, now.
  const objection = whatCommandTimesForbid(document, time());
  if (objection !== undefined) return { kind: "refused", why: objection, by };
  // VM3 Seen before. It is looked at again in the transaction that stores it.
  if (await hasNonce(nonce)) return { kind: "refused", why: refused("REPLAY", "VM3"), by };
  // VM4 One of the closed list, with arguments of its schema.
  const operation = operationOf(document.op, document.args);
  if (operation === undefined) {
    return { kind: "refused", why: refused("OP_NOT_ALLOWED", "VM4"), by };
  }
  // VM5 Kill switch, consent, rate.
  const forbidden = whatIsForbidden(operation, parts);
  if (forbidden !== undefined) return { kind: "refused", why: refused(forbidden, "VM5"), by };
  const expiresMs = parseTime(document.expires) ?? 0;
  return { kind: "accepted", question: { operation, document, digest, nonce, expiresMs } };
}

/** Each of them counts for the rate: who is refused ten times a minute need not be told more often. */
function whatIsForbidden(
  { level }: Operation,
  { consent, rate, isBusy }: JudgeParts,
): "SUPPORT_OFF" | "RATE" | "CONSENT" | undefined {
  const objection = consent.objection(level);
  if (objection === "SUPPORT_OFF") return objection;
  if (!rate.admits() || isBusy()) return "RATE";
  return objection;
}
