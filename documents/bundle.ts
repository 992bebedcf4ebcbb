/**
 * What is carried on a stick: one JSON file with envelopes as they are (07 2.13). No archive, no paths inside.
 *
 * Reading a bundle believes nothing in it: each envelope goes through the kernel like one from the tunnel.
 *
 * @module
 */
import { BUNDLE_APPROVALS_MAX_COUNT, BUNDLE_MAX_BYTES, BUNDLE_TRUST_MAX_COUNT } from "./limits.ts";
import { type Refused, refused } from "./refusal.ts";
import { isObject, type JsonObject, readStrictJson } from "./strict-json.ts";

/** Each envelope as bytes, to be verified. */
export interface Bundle {
  /** In order. */
  readonly trustChain: readonly Uint8Array[];
  readonly config: Uint8Array | undefined;
  readonly approvals: readonly Uint8Array[];
  readonly head: Uint8Array | undefined;
}

const FORMAT = "holdfast-bundle/1";
/** {@link Refused.detail} where the file is a single envelope. */
export const BARE_ENVELOPE = "bare-envelope";
const MEMBERS = ["format", "trustChain", "config", "approvals", "head"];

/**
 * @param bytes the whole file
 * @returns `TOO_LARGE` or `MALFORMED` for what is no bundle, `WRONG_TYPE` for a single envelope; never throws
 */
export function readBundle(bytes: Uint8Array): Bundle | Refused {
  if (bytes.length > BUNDLE_MAX_BYTES) return refused("TOO_LARGE", "bundle");
  const json = readStrictJson(bytes);
  if (json.kind === "broken") return refused("MALFORMED", "bundle", json.detail);
  const { value } = json;
  if (isEnvelope(value)) return refused("WRONG_TYPE", "bundle", BARE_ENVELOPE);
  if (value["format"] !== FORMAT) return refused("MALFORMED", "bundle", "format");
  const unknown = Object.keys(value).some((key) => !MEMBERS.includes(key));
  if (unknown) return refused("MALFORMED", "bundle", "unknown-member");
  const trustChain = envelopes(value["trustChain"]);
  const approvals = envelopes(value["approvals"]);
  const config = envelopes([value["config"]].filter(isThere));
  const head = envelopes([value["head"]].filter(isThere));
  if (!trustChain || !approvals || !config || !head) return refused("MALFORMED", "bundle", "shape");
  // Each is judged in its turn: a million empty ones would keep the agent from everything else.
  const isLong =
    trustChain.length > BUNDLE_TRUST_MAX_COUNT || approvals.length > BUNDLE_APPROVALS_MAX_COUNT;
  if (isLong) return refused("TOO_LARGE", "bundle", "count");
  return { trustChain, approvals, config: config[0], head: head[0] };
}

/** @param bundle of envelopes that are valid JSON, as they were signed or received */
export function writeBundle({ trustChain, config, approvals, head }: Bundle): Uint8Array {
  const json = {
    format: FORMAT,
    trustChain: trustChain.map(parsed),
    config: config === undefined ? null : parsed(config),
    approvals: approvals.map(parsed),
    head: head === undefined ? null : parsed(head),
  };
  return new TextEncoder().encode(`${JSON.stringify(json)}\n`);
}

/** One document by itself: whoever has it was meant to put it into a bundle. */
const isEnvelope = (value: JsonObject): boolean =>
  ["payloadType", "payload", "signatures"].every((member) => Object.hasOwn(value, member));

const isThere = (value: unknown): boolean => value !== null && value !== undefined;

/** Signatures are over what the base64 inside says, so that writing the JSON again changes nothing. */
function envelopes(value: unknown = []): Uint8Array[] | undefined {
  if (!Array.isArray(value) || !value.every(isObject)) return undefined;
  return value.map((envelope) => new TextEncoder().encode(JSON.stringify(envelope)));
}

function parsed(envelope: Uint8Array): JsonObject {
  const json = readStrictJson(envelope);
  if (json.kind === "broken") throw new RangeError("Cannot put into a bundle what is no envelope");
  return json.value;
}
