/** Bodies of configurations that were verified, as they lie in the store, and the channels they mean. @module */
import { resolve } from "node:path";
import { type ChannelSet, channelSetOf } from "#config/channel-set.ts";
import type { Policy } from "#config/policy.ts";
import { type PolicyBreach, type PolicyPlaces, whatPolicyForbids } from "#config/policy-check.ts";
import { judgeBody, type SignedBody } from "#config/signed-body.ts";
import { readEnvelope } from "#documents/envelope.ts";
import { parsePayload } from "#documents/payload.ts";
import type { ConfigDocument } from "#documents/types/config.ts";
import { digestOf } from "#documents/verify.ts";

/** Signed folders are absolute; files of TLS are bare names in a folder that the hospital has chosen. */
export function setOf({ channels }: SignedBody, { tlsFolder }: Policy): ChannelSet {
  const root = resolve("/");
  return channelSetOf(channels, { folders: root, tls: tlsFolder ?? root });
}

/**
 * Reads a document back that was verified before.
 *
 * @param digest by which it is known: what is not those bytes is not it
 */
export function documentIn(envelope: Uint8Array, digest: string): ConfigDocument | undefined {
  const read = readEnvelope(envelope, "config");
  if ("kind" in read || digestOf(read.payload) !== digest) return undefined;
  const parsed = parsePayload("config", read.payload);
  return parsed.kind === "refused" ? undefined : parsed.document;
}

/** @returns `undefined` for what this version's schema does not take */
export function bodyIn(document: ConfigDocument): SignedBody | undefined {
  const judged = judgeBody(document.body);
  return judged.kind === "fits" ? judged.body : undefined;
}

/** 2.7: a policy that forbids what is in effect stops the channels concerned, and nothing else. */
export function permittedPart(
  body: SignedBody,
  policy: Policy,
  places: PolicyPlaces,
): {
  readonly body: SignedBody;
  readonly breaches: readonly (PolicyBreach & { channel: string })[];
} {
  const found = whatPolicyForbids(body, policy, places);
  const indexOf = ({ place }: PolicyBreach): number => Number(place.split(".")[1]);
  const forbidden = new Set(found.map(indexOf));
  const channels = body.channels.filter((_, index) => !forbidden.has(index));
  const breaches = found.map((breach) => ({
    ...breach,
    channel: body.channels[indexOf(breach)]?.name ?? "",
  }));
  return { body: { channels }, breaches };
}
