/** `holdfast-sign trust`: the first trust document of a tenant, or the next one. @module */

import { keyIdOf } from "../public-key.ts";
import { formatTime } from "../time.ts";
import { checkTrust } from "../trust-rules.ts";
import {
  TRUST_ROLES,
  type TrustClaims,
  type TrustDocument,
  type TrustRole,
} from "../types/trust.ts";
import { beside, loadTrustDescription, type TrustDescription } from "./description.ts";
import { contentOf, createDocument, newDraft, readDraft, type SigningOptions } from "./draft.ts";
import { readBytes } from "./files.ts";
import { readPublicKey, readSupportKey } from "./keys.ts";
import type { Say } from "./output.ts";
import { SignError } from "./sign-error.ts";

export interface TrustOptions extends SigningOptions {
  readonly out: string;
  /** The trust document in force, which this one will follow. */
  readonly previous?: string;
}

/** @param nowMs `issuedAt`, if the description has none */
export async function makeTrust(
  say: Say,
  file: string,
  options: TrustOptions,
  nowMs: number,
): Promise<void> {
  const described = loadTrustDescription(file);
  const previous = options.previous === undefined ? undefined : readTrust(options.previous);
  const document = documentOf(file, described, previous, nowMs);
  for (const line of previous === undefined ? [] : changesOf(previous, document)) say(line);
  await createDocument(say, options.out, newDraft("trust", document), options);
  for (const line of whoMustSign(previous, document)) say(line);
}

/** @throws {SignError} if it is no trust document that makes sense */
export function readTrust(file: string): TrustDocument {
  const draft = readDraft(file);
  if (draft.type !== "trust")
    throw new SignError("FILE_UNREADABLE", `${file} is a ${draft.type} document`);
  return checked(contentOf("trust", draft));
}

/** VT3 and VT4, before anybody signs. @throws {SignError} `DOCUMENT_REFUSED` */
export function checked(claims: TrustClaims): TrustDocument {
  const document = checkTrust(claims, []);
  if (!("kind" in document)) return document;
  throw new SignError(
    "DOCUMENT_REFUSED",
    `${document.code} at ${document.step} ${document.detail}`,
  );
}

function documentOf(
  file: string,
  described: TrustDescription,
  previous: TrustDocument | undefined,
  nowMs: number,
): TrustDocument {
  const { tenant, configEpoch } = described;
  const version = described.version ?? (previous?.version ?? 0) + 1;
  refuseBadStep(previous, { tenant, version, configEpoch });
  const keys = new Map<string, string>();
  const roleOf = (name: TrustRole) => {
    const { threshold, keys: names } = described.roles[name];
    const keyIds = names.map((key) => {
      const raw = readPublicKey(beside(file, key));
      keys.set(keyIdOf(raw), Buffer.from(raw).toString("hex"));
      return keyIdOf(raw);
    });
    return { keyIds, threshold };
  };
  const [trust, config, head, command] = [
    roleOf("trust"),
    roleOf("config"),
    roleOf("head"),
    roleOf("command"),
  ];
  return checked({
    version,
    tenant,
    issuedAt: described.issuedAt ?? formatTime(nowMs),
    configEpoch,
    roles: { trust, config, head, command },
    keys: Object.fromEntries(keys),
    receiverCas: described.receiverCas.map((ca) => {
      return Buffer.from(readBytes(beside(file, ca)))
        .toString("utf8")
        .trim();
    }),
    supportKey: readSupportKey(beside(file, described.supportKey)),
  });
}

/** VT2 and VT6, before anybody signs. */
function refuseBadStep(
  previous: TrustDocument | undefined,
  next: Pick<TrustDocument, "tenant" | "version" | "configEpoch">,
): void {
  if (previous === undefined) return;
  if (next.tenant !== previous.tenant) {
    throw new SignError("DOCUMENT_UNFIT", `the one before is for tenant ${previous.tenant}`);
  }
  if (next.version !== previous.version + 1) {
    throw new SignError(
      "DOCUMENT_UNFIT",
      `version ${previous.version + 1} follows ${previous.version}`,
    );
  }
  if (next.configEpoch < previous.configEpoch) {
    throw new SignError(
      "DOCUMENT_UNFIT",
      `configEpoch must not fall below ${previous.configEpoch}`,
    );
  }
}

/** What an auditor looks for: keys and thresholds, role by role. */
function changesOf(before: TrustDocument, after: TrustDocument): string[] {
  const lines = TRUST_ROLES.flatMap((name) => {
    const [old, next] = [before.roles[name], after.roles[name]];
    const gone = old.keyIds.filter((id) => !next.keyIds.includes(id));
    const come = next.keyIds.filter((id) => !old.keyIds.includes(id));
    const changed =
      old.threshold === next.threshold ? [] : [`${old.threshold} to ${next.threshold}`];
    return [
      ...gone.map((id) => `- ${name} key ${id}`),
      ...come.map((id) => `+ ${name} key ${id}`),
      ...changed.map((what) => `  ${name} threshold ${what}`),
    ];
  });
  if (after.configEpoch > before.configEpoch) {
    lines.push(`  configEpoch ${before.configEpoch} to ${after.configEpoch}: sequence begins anew`);
  }
  return lines;
}

function whoMustSign(previous: TrustDocument | undefined, next: TrustDocument): string[] {
  const line = (
    what: string,
    { threshold, keyIds }: { threshold: number; keyIds: readonly string[] },
  ) => `must sign: ${threshold} of the ${keyIds.length} trust keys of ${what}`;
  const own = line("this document", next.roles.trust);
  return previous === undefined
    ? [own, "must sign: the anchor's threshold, for agents that have no trust document yet"]
    : [line(`version ${previous.version}`, previous.roles.trust), own];
}
