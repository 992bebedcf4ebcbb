/**
 * What metadata must look like before the library sees it: W5 to W8, over strict JSON.
 *
 * The library counts signatures by key id, takes several kinds of keys, follows delegations, and reads whatever
 * `Date` reads. All of that is decided here on the very bytes that it is given next, whether they were just
 * fetched, lay in the cache, or are compiled in.
 *
 * @module
 */
import { z } from "zod";
import { ed25519FromRaw } from "#documents/public-key.ts";
import { readStrictJson } from "#documents/strict-json.ts";
import { parseTime } from "#documents/time.ts";
import { type Refused, refused } from "./refusal.ts";

export const ROLES = ["root", "targets", "snapshot", "timestamp"] as const;
export type RoleName = (typeof ROLES)[number];

const hex = (bytes: number) => z.string().regex(new RegExp(`^[0-9a-f]{${bytes * 2}}$`));
const natural = z.int().min(1);
const common = {
  spec_version: z.string().regex(/^1\.0\.\d{1,3}$/),
  version: natural,
  expires: z.string(),
};
const signer = z.strictObject({ threshold: natural, keyids: z.array(hex(32)).min(1).max(16) });
const key = z.strictObject({
  keytype: z.string(),
  scheme: z.string(),
  keyval: z.strictObject({ public: z.string() }),
});
const file = z.strictObject({
  version: natural,
  length: natural.optional(),
  hashes: z.strictObject({ sha256: hex(32) }).optional(),
});
const target = z.strictObject({
  length: natural,
  hashes: z.strictObject({ sha256: hex(32) }),
  custom: z.record(z.string(), z.unknown()),
});

const SIGNED = {
  root: z.strictObject({
    ...common,
    _type: z.literal("root"),
    // Names of metadata files carry their version: a file is never replaced by another one of its name.
    consistent_snapshot: z.literal(true),
    keys: z.record(z.string(), key),
    roles: z.strictObject({ root: signer, targets: signer, snapshot: signer, timestamp: signer }),
  }),
  targets: z.strictObject({
    ...common,
    _type: z.literal("targets"),
    targets: z.record(z.string(), target),
    delegations: z.unknown().optional(),
  }),
  snapshot: z.strictObject({
    ...common,
    _type: z.literal("snapshot"),
    meta: z.record(z.string(), file),
  }),
  timestamp: z.strictObject({
    ...common,
    _type: z.literal("timestamp"),
    meta: z.strictObject({ "snapshot.json": file }),
  }),
} as const;
type SignedRoot = z.infer<(typeof SIGNED)["root"]>;

const envelope = z.strictObject({
  signatures: z.array(z.strictObject({ keyid: hex(32), sig: hex(64) })).max(64),
  signed: z.record(z.string(), z.unknown()),
});

/** The facts that the checks behind this one need. */
export interface Inspected {
  readonly kind: "inspected";
  readonly role: RoleName;
  readonly version: number;
  /** ms since 1970. */
  readonly expiresMs: number;
}

/** @param bytes of one metadata file, within the bound of its role */
export function inspectMetadata(role: RoleName, bytes: Uint8Array): Inspected | Refused {
  const json = readStrictJson(bytes);
  if (json.kind === "broken") return refused("MALFORMED", "TUF", `${role}:${json.detail}`);
  const outer = envelope.safeParse(json.value);
  if (!outer.success) return refused("MALFORMED", "TUF", `${role}:${pathOf(outer.error)}`);
  const inner = SIGNED[role].safeParse(outer.data.signed);
  if (!inner.success) return refused("MALFORMED", "TUF", `${role}:${pathOf(inner.error)}`);
  const { data } = inner;
  // W5, W6
  const forbidden = data._type === "root" ? whatKeysForbid(data) : undefined;
  if (forbidden !== undefined) return forbidden;
  // W7 Nobody signs on behalf of the targets role.
  if (data._type === "targets" && data.delegations !== undefined) {
    return refused("DELEGATION", "W7");
  }
  if (data._type === "snapshot" && Object.keys(data.meta).join() !== "targets.json") {
    return refused("DELEGATION", "W7", "snapshot");
  }
  // W8 One format of time, of a day that exists.
  const expiresMs = parseTime(data.expires);
  if (expiresMs === undefined) return refused("MALFORMED", "W8", `${role}:expires`);
  return { kind: "inspected", role, version: data.version, expiresMs };
}

const LEAST = { root: 2, targets: 2, snapshot: 1, timestamp: 1 } as const;

function whatKeysForbid({ keys, roles }: SignedRoot): Refused | undefined {
  const publicKeys = new Map(Object.entries(keys).map(([id, { keyval }]) => [id, keyval.public]));
  // W6 Ed25519 and nothing else, as 32 bytes that are a usable point: PEM would be a second name for a key.
  for (const { keytype, scheme, keyval } of Object.values(keys)) {
    if (keytype !== "ed25519" || scheme !== "ed25519") return refused("KEYS", "W6", keytype);
    if (!isUsable(keyval.public)) return refused("KEYS", "W6", "public");
  }
  // W5 Then a key has one id, and signatures counted by id are counted by key.
  if (new Set(publicKeys.values()).size !== publicKeys.size) {
    return refused("KEYS", "W5", "one-key-two-ids");
  }
  for (const name of ROLES) {
    const { threshold, keyids } = roles[name];
    if (new Set(keyids).size !== keyids.length) return refused("KEYS", "W5", `${name}:twice`);
    if (!keyids.every((id) => publicKeys.has(id))) return refused("KEYS", "W5", `${name}:absent`);
    // W5 Two people at least stand behind a root and behind targets.
    if (threshold < LEAST[name]) return refused("KEYS", "W5", `${name}:threshold`);
    if (threshold > keyids.length) return refused("KEYS", "W5", `${name}:unreachable`);
  }
  return undefined;
}

function isUsable(text: string): boolean {
  if (!/^[0-9a-f]{64}$/.test(text)) return false;
  return ed25519FromRaw(new Uint8Array(Buffer.from(text, "hex"))) !== undefined;
}

const pathOf = (error: z.ZodError): string => (error.issues[0]?.path ?? []).join(".") || "shape";
