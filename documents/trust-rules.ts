/** Whether a trust document makes sense in itself (07 VT3, VT4). @module */
import { ed25519FromRaw, isSameKey, type KeyId, keyIdOf } from "./public-key.ts";
import { type Refused, refused } from "./refusal.ts";
import type { Role } from "./role.ts";
import {
  TRUST_ROLES,
  type TrustClaims,
  type TrustDocument,
  type TrustRole,
} from "./types/trust.ts";

/** 2.3: what one stolen key must not be able to do. */
const THRESHOLD_MIN: Readonly<Record<TrustRole, number>> = {
  trust: 2,
  config: 2,
  head: 1,
  command: 1,
};
const KEY_HEX = /^[0-9a-f]{64}$/;

/**
 * VT3 for one key by the name it is given; also for `hospitalKeys` of `local.yaml`.
 *
 * @param hex 32 bytes, lower-case
 * @returns the raw key, or undefined if it may not be used
 */
export function keyFromHex(hex: string, keyId?: KeyId): Uint8Array | undefined {
  if (!KEY_HEX.test(hex)) return undefined;
  const raw = new Uint8Array(Buffer.from(hex, "hex"));
  if (ed25519FromRaw(raw) === undefined) return undefined;
  return keyId === undefined || keyIdOf(raw) === keyId ? raw : undefined;
}

/**
 * VT3 and VT4.
 *
 * @param forbiddenKeys raw keys that belong to somebody else: the hospital's and the device key
 */
export function checkTrust(
  claims: TrustClaims,
  forbiddenKeys: readonly Uint8Array[],
): TrustDocument | Refused {
  return whatKeysForbid(claims, forbiddenKeys) ?? checkRoles(claims);
}

/** VT3. No key under two ids follows: an id is made from its key. */
function whatKeysForbid(
  { keys }: TrustClaims,
  forbiddenKeys: readonly Uint8Array[],
): Refused | undefined {
  for (const [keyId, hex] of Object.entries(keys)) {
    const raw = keyFromHex(hex, keyId);
    if (raw === undefined) return refused("BAD_TRUST", "VT3", keyId);
    if (forbiddenKeys.some((other) => isSameKey(other, raw))) {
      return refused("BAD_TRUST", "VT3", `foreign.${keyId}`);
    }
  }
  return undefined;
}

/** VT4. */
function checkRoles(claims: TrustClaims): TrustDocument | Refused {
  const { trust, config, head, command } = claims.roles;
  if (!trust || !config || !head || !command) return refused("BAD_TRUST", "VT4", "role-absent");
  const roles = { trust, config, head, command };
  const taken = new Set<KeyId>();
  for (const role of TRUST_ROLES) {
    const { keyIds, threshold } = roles[role];
    if (threshold < THRESHOLD_MIN[role]) return refused("BAD_TRUST", "VT4", `${role}.threshold`);
    if (threshold > keyIds.length) return refused("BAD_TRUST", "VT4", `${role}.threshold`);
    for (const keyId of keyIds) {
      if (!Object.hasOwn(claims.keys, keyId))
        return refused("BAD_TRUST", "VT4", `${role}.unknown-key`);
      // Twice in one role, or in two.
      if (taken.has(keyId)) return refused("BAD_TRUST", "VT4", `${role}.key-taken`);
      taken.add(keyId);
    }
  }
  return { ...claims, roles };
}

/** A role of a checked document, as the kernel takes it. */
export function roleOf({ keys, roles }: TrustDocument, name: TrustRole): Role {
  const { keyIds, threshold } = roles[name];
  const known = keyIds.map((keyId) => [keyId, rawFromHex(keys[keyId])] as const);
  return { keys: new Map(known), threshold };
}

/** Every key that a trust document names: a hospital key must be none of them (VT3). */
export function keysOf({ keys }: Pick<TrustClaims, "keys">): Uint8Array[] {
  return Object.values(keys).map(rawFromHex);
}

const rawFromHex = (hex: string | undefined): Uint8Array =>
  new Uint8Array(Buffer.from(hex ?? "", "hex"));
