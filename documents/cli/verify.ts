/** `holdfast-sign verify`: what a document is, who signed it, and whether an agent would believe it. @module */
import type { DocumentType } from "../document-types.ts";
import { type Envelope, writeEnvelope } from "../envelope.ts";
import { keyIdOf } from "../public-key.ts";
import type { Refused } from "../refusal.ts";
import type { Role } from "../role.ts";
import { acceptTrust } from "../trust-chain.ts";
import { roleOf } from "../trust-rules.ts";
import type { TrustRole } from "../types/trust.ts";
import { digestOf, signersOf, verifyDocument } from "../verify.ts";
import { beside, loadAnchor } from "./description.ts";
import { contentOf, readDraft } from "./draft.ts";
import { readPublicKey } from "./keys.ts";
import type { Say } from "./output.ts";
import { SignError } from "./sign-error.ts";
import { checked, readTrust } from "./trust.ts";

export interface VerifyOptions {
  /** The trust document that counts; of a trust document: the one before. */
  readonly trust?: string;
  /** Keys and threshold in YAML: the anchor of a first trust document, a hospital's keys, a device key. */
  readonly keys?: string;
  readonly json?: boolean;
}

/** @throws {SignError} `SIGNATURES_MISSING`, `DOCUMENT_REFUSED` */
export function verifyFile(say: Say, file: string, options: VerifyOptions): void {
  const draft = readDraft(file);
  const role = roleFor(draft.type, options);
  const signers = new Set(signersOf(draft, role));
  const answer = judge(draft, role, options);
  if (options.json === true) {
    const { type, payload, signatures } = draft;
    const facts = { type, digest: digestOf(payload), threshold: role.threshold };
    const claimed = signatures.map(({ keyId }) => ({ keyId, counts: signers.has(keyId) }));
    const refused = answer && { code: answer.code, step: answer.step, detail: answer.detail };
    say(JSON.stringify({ ...facts, signatures: claimed, refused: refused ?? null }));
  } else {
    for (const line of describe(draft)) say(line);
    for (const { keyId } of draft.signatures) {
      say(`signed by    ${keyId}${signers.has(keyId) ? "" : "  does not count here"}`);
    }
    say(`signatures   ${signers.size} of ${role.threshold} that are needed`);
    if (draft.type === "trust") say(ownSignatures(draft));
  }
  if (answer === undefined) return;
  const said = [`${answer.code} at ${answer.step}`, answer.detail ?? ""].join(" ").trimEnd();
  const isOpen = answer.code === "SIGNATURES";
  throw new SignError(isOpen ? "SIGNATURES_MISSING" : "DOCUMENT_REFUSED", said);
}

/** VT5. */
function ownSignatures(draft: Envelope): string {
  const document = checked(contentOf("trust", draft));
  const own = roleOf(document, "trust");
  return `its own      ${signersOf(draft, own).length} of ${own.threshold} that are needed`;
}

/** What a person should read before signing. */
export function describe(draft: Envelope): string[] {
  const { type, payload } = draft;
  const content = Object.entries(contentOf(type, draft) as Record<string, unknown>);
  const shown = content
    .filter(([, value]) => value === null || typeof value !== "object")
    .map(([name, value]) => `${name.padEnd(12)} ${String(value)}`);
  return [`${type.padEnd(12)} ${digestOf(payload)}`, ...shown];
}

/** The role whose signatures are looked for. */
function roleFor(type: DocumentType, { trust, keys }: VerifyOptions): Role {
  if (keys !== undefined) return roleFromKeys(keys);
  const isVendors = type !== "approval" && type !== "status";
  if (trust !== undefined && isVendors) return roleOf(readTrust(trust), type satisfies TrustRole);
  const what = isVendors ? "--trust, or --keys" : "--keys";
  throw new SignError("OPTION_MISSING", `a ${type} document is verified with ${what}`);
}

function roleFromKeys(file: string): Role {
  const { threshold, keys } = loadAnchor(file);
  const raws = keys.map((key) => readPublicKey(beside(file, key)));
  return { threshold, keys: new Map(raws.map((raw) => [keyIdOf(raw), raw])) };
}

/** @returns undefined if an agent would believe it, times and standing aside */
function judge(draft: Envelope, role: Role, { trust }: VerifyOptions): Refused | undefined {
  const { type } = draft;
  const { tenant, agent } = contentOf(type, draft) as { tenant: string; agent?: string };
  if (draft.signatures.length === 0) return { kind: "refused", code: "SIGNATURES", step: "V8" };
  const envelope = writeEnvelope(draft);
  const recipient = agent === undefined ? { tenant } : { tenant, agent };
  const answer =
    type === "trust"
      ? acceptTrust({
          ...{ stored: trust === undefined ? undefined : readTrust(trust), anchor: role },
          ...{ envelope, tenant, forbiddenKeys: [] },
        })
      : verifyDocument({ envelope, type, role, recipient });
  return answer.kind === "refused" ? answer : undefined;
}
