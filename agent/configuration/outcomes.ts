/** What is known of a document before anybody has judged it, and what became of it. @module */

import { BARE_ENVELOPE } from "#documents/bundle.ts";
import { type DocumentType, documentTypeOf } from "#documents/document-types.ts";
import { readEnvelope } from "#documents/envelope.ts";
import type { RefusalCode, Refused } from "#documents/refusal.ts";
import { digestOf } from "#documents/verify.ts";
import { AgentError, identifierFrom } from "../errors.ts";

/** What any carrier may bring. */
export type CarriedType = Extract<DocumentType, "trust" | "config" | "approval" | "head">;
const CARRIED: readonly CarriedType[] = ["trust", "config", "approval", "head"];

export interface TakenDocument {
  readonly kind: "taken";
  readonly type: CarriedType;
  /** Of the payload, hexadecimal. */
  readonly digest: string;
  /** Of the configuration document that it led to or was about; else `accepted`. */
  readonly state: string;
}

export interface RefusedDocument {
  readonly kind: "refused";
  readonly type: CarriedType | "unknown";
  readonly code: RefusalCode;
  /** Of 07 2.4. */
  readonly step: string;
  readonly detail?: string;
  /** For people at the machine: field by field, rule by rule. */
  readonly told?: readonly string[];
  readonly digest?: string;
}

export type DocumentOutcome = TakenDocument | RefusedDocument;

/** Where the type of an envelope stands, if it is one of ours: its other members are longer, and may come first. */
const TYPE = /"payloadType"\s*:\s*"([^"]{1,200})"/;

/**
 * What an envelope says that it is. Nothing follows from it but the rules by which it is judged: the kernel looks at
 * the type itself (V4).
 */
export function claimedType(envelope: Uint8Array): CarriedType | undefined {
  const [, said = ""] = TYPE.exec(Buffer.from(envelope).toString("latin1")) ?? [];
  const type = documentTypeOf(said.replaceAll("\\/", "/"));
  return CARRIED.find((one) => one === type);
}

/** @returns `undefined` where there is no payload; it need not be signed by anybody */
export function payloadDigest(envelope: Uint8Array, type: CarriedType): string | undefined {
  const read = readEnvelope(envelope, type);
  return "kind" in read ? undefined : digestOf(read.payload);
}

/** Why a file is no bundle, for whoever named it. */
export const bundleFault = ({ code, detail }: Refused): AgentError =>
  detail === BARE_ENVELOPE
    ? new AgentError("BUNDLE_SINGLE_DOCUMENT", {})
    : new AgentError("BUNDLE_MALFORMED", { code: identifierFrom(code) });

export function refusedAs(
  type: RefusedDocument["type"],
  { code, step, detail, told }: Refused & { readonly told?: readonly string[] },
  digest?: string,
): RefusedDocument {
  return {
    ...{ kind: "refused", type, code, step },
    ...(detail === undefined ? {} : { detail }),
    ...(told === undefined ? {} : { told }),
    ...(digest === undefined ? {} : { digest }),
  };
}
