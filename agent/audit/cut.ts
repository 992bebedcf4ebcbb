/**
 * Where entries that have had their time were cut off, signed by the device key (08 6).
 *
 * What is left begins with the entry behind the cut, and hangs on the hash that stands in it. Two lines, as in the
 * marks: JSON, and the signature over `"holdfast-audit-cut/1" ‖ LF ‖` the first line, base64.
 *
 * @module
 */
import type { TrustStore } from "../outbox/trust/trust-store.ts";
import type { Audit } from "./audit.ts";
import type { DeviceKey } from "./device-key.ts";
import type { ChainCut } from "./verify-chain.ts";

/** Under this name the store holds it. */
export const CUT_VALUE = "audit.cut";
const LABEL = "holdfast-audit-cut/1\n";

export function cutBytes(
  cut: ChainCut & { readonly atMs: number },
  key: Pick<DeviceKey, "sign">,
): Uint8Array {
  const { throughSeq, hash, atMs } = cut;
  const at = new Date(atMs).toISOString();
  const line = JSON.stringify({ throughSeq, hash: Buffer.from(hash).toString("hex"), at });
  const signature = Buffer.from(key.sign(Buffer.from(`${LABEL}${line}`))).toString("base64");
  return Buffer.from(`${line}\n${signature}\n`);
}

/** @returns `undefined` for what this key has not signed, or is no cut */
export function readCut(
  bytes: Uint8Array,
  verify: (bytes: Uint8Array, signature: Uint8Array) => boolean,
): ChainCut | undefined {
  const [line = "", signature = ""] = Buffer.from(bytes).toString("utf8").split("\n");
  if (!verify(Buffer.from(`${LABEL}${line}`), Buffer.from(signature, "base64"))) return undefined;
  const { throughSeq, hash } = JSON.parse(line) as Record<string, unknown>;
  if (!Number.isSafeInteger(throughSeq) || !/^[0-9a-f]{64}$/.test(String(hash))) return undefined;
  return { throughSeq: Number(throughSeq), hash: Buffer.from(String(hash), "hex") };
}

/**
 * Another device key is in use, since an enrolment: it signs the cut of the one before anew. Otherwise entries that were
 * cut off in order would count as taken away.
 *
 * @param former of the identity before, while its slot is kept
 * @throws {AgentError} `STORE_*`, `AUDIT_UNWRITABLE`
 */
export async function adoptCut(
  { audit, trust }: { readonly audit: Audit; readonly trust: TrustStore },
  key: DeviceKey,
  { former, atMs }: { readonly former: DeviceKey | undefined; readonly atMs: number },
): Promise<void> {
  const bytes = (await trust.load()).values.get(CUT_VALUE);
  if (bytes === undefined || former === undefined || signedBy(key, bytes) !== undefined) return;
  const cut = signedBy(former, bytes);
  if (cut === undefined) return;
  const actor = { kind: "system", id: "audit" } as const;
  const draft = { actor, action: "audit.cutAdopted", subject: `through ${cut.throughSeq}` };
  const values = new Map([[CUT_VALUE, cutBytes({ ...cut, atMs }, key)]]);
  await audit.record([draft], { values });
}

const signedBy = (key: DeviceKey, bytes: Uint8Array): ChainCut | undefined =>
  readCut(bytes, (signed, signature) => key.verify(signed, signature));
