/** Documents of a vendor and a hospital around one moment, each signed as it must be. @module */
import { writeBundle } from "#documents/bundle.ts";
import { encodePayload } from "#documents/sign.ts";
import { formatTime } from "#documents/time.ts";
import type { ApprovalDocument } from "#documents/types/approval.ts";
import type { ConfigDocument } from "#documents/types/config.ts";
import type { HeadDocument } from "#documents/types/head.ts";
import type { TrustDocument } from "#documents/types/trust.ts";
import { digestOf } from "#documents/verify.ts";
import { listener } from "./configurations.ts";
import { approval, config, head, KEYS, signed, type TestKey, trust } from "./signed-documents.ts";

export const NOW_MS = Date.UTC(2026, 1, 10, 12, 0, 0);
export const DAY_MS = 86_400_000;
export const MINUTE_MS = 60_000;

export const at = (ms: number): string => formatTime(ms);

/** A configuration with its digest. */
export interface Made {
  readonly envelope: Uint8Array;
  readonly digest: string;
}

export const trustOf = (change: Partial<TrustDocument> = {}): Uint8Array =>
  signed("trust", trust({ issuedAt: at(NOW_MS - 30 * DAY_MS), ...change }), KEYS.trust.slice(0, 2));

export function configOf(
  change: Partial<ConfigDocument>,
  keys: readonly TestKey[] = KEYS.config.slice(0, 2),
): Made {
  const payload = config({
    ...{ issuedAt: at(NOW_MS - DAY_MS), offerExpires: at(NOW_MS + 30 * DAY_MS), maxAgent: "9.0.0" },
    ...change,
  });
  return {
    envelope: signed("config", payload, keys),
    digest: digestOf(encodePayload("config", payload)),
  };
}

export const channelsOn = (...ports: readonly number[]) => ({
  channels: ports.map((port, index) =>
    listener({ name: `c${index + 1}`, host: "127.0.0.1", port, allow: ["127.0.0.1"] }),
  ),
});

export function approvalOf(
  change: Partial<ApprovalDocument>,
  keys: readonly TestKey[] = KEYS.hospital.slice(0, 1),
): Uint8Array {
  const times = { notBefore: at(NOW_MS - DAY_MS), notAfter: at(NOW_MS + 20 * DAY_MS) };
  const own = { issuedAt: at(NOW_MS - MINUTE_MS), expires: at(NOW_MS + 20 * DAY_MS), ...times };
  return signed("approval", approval({ ...own, ...change }), keys);
}

export const headOf = (change: Partial<HeadDocument>): Uint8Array =>
  signed(
    "head",
    head({ issuedAt: at(NOW_MS), expires: at(NOW_MS + 7 * DAY_MS), ...change }),
    KEYS.head,
  );

export const bundleOf = (
  made: Made | undefined,
  more: {
    readonly trust?: readonly Uint8Array[];
    readonly approvals?: readonly Uint8Array[];
    readonly head?: Uint8Array;
  } = {},
): Uint8Array =>
  writeBundle({
    trustChain: more.trust ?? [trustOf()],
    config: made?.envelope,
    approvals: more.approvals ?? [],
    head: more.head,
  });
