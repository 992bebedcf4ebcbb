/** A trust document and its anchor, from keys that are thrown away: for trials, not for production (07 2.6). @module */
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { keyIdOf, rawOf } from "#documents/public-key.ts";
import { signDocument } from "#documents/sign.ts";

const hexOf = (raw: Uint8Array): string => Buffer.from(raw).toString("hex");

/** @param receiverCaPem what agents trust their receiver by */
export function developmentTrust(
  tenant: string,
  receiverCaPem: string,
): { readonly trust: Uint8Array; readonly anchor: string } {
  const newKeys = (count: number): KeyObject[] =>
    Array.from({ length: count }, () => generateKeyPairSync("ed25519").privateKey);
  const keys = { trust: newKeys(2), config: newKeys(2), head: newKeys(1), command: newKeys(1) };
  const claim = (role: keyof typeof keys) => ({
    keyIds: keys[role].map((key) => keyIdOf(rawOf(key))),
    threshold: keys[role].length,
  });
  const document = {
    version: 1,
    tenant,
    issuedAt: `${new Date().toISOString().slice(0, 19)}Z`,
    configEpoch: 1,
    keys: Object.fromEntries(
      Object.values(keys)
        .flat()
        .map((key) => [keyIdOf(rawOf(key)), hexOf(rawOf(key))]),
    ),
    roles: {
      trust: claim("trust"),
      config: claim("config"),
      head: claim("head"),
      command: claim("command"),
    },
    receiverCas: [receiverCaPem],
    supportKey: "09".padEnd(64, "0"),
  };
  const anchor = { keys: keys.trust.map((key) => hexOf(rawOf(key))), threshold: 2 };
  return { trust: signDocument("trust", document, keys.trust), anchor: JSON.stringify(anchor) };
}
