/** Trust state and audit over a real store, with a device key of the test's own. @module */
import { generateKeyPairSync } from "node:crypto";
import { Audit } from "#agent/audit/audit.ts";
import { type DeviceKey, deviceKeyOf } from "#agent/audit/device-key.ts";
import type { AuditDraft } from "#agent/audit/entry.ts";
import { Conditions } from "#agent/health/conditions.ts";
import { type Clock, systemClock } from "#agent/host/clock.ts";
import type { TrustStore } from "#agent/outbox/trust/trust-store.ts";

export const TENANT = "north-clinic";
export const AGENT = "gateway-1";

export const newDeviceKey = (): DeviceKey => deviceKeyOf(generateKeyPairSync("ed25519").privateKey);

export const draftOf = (action: string, more: Partial<AuditDraft> = {}): AuditDraft => ({
  ...{ actor: { kind: "system", id: "test" }, action },
  ...more,
});

export async function openAudit(
  trust: TrustStore,
  clock: Clock = systemClock,
  conditions = new Conditions(),
): Promise<Audit> {
  return await Audit.open({ trust, clock, conditions });
}

/** So many entries, one commit each. */
export async function recordMany(audit: Audit, count: number): Promise<void> {
  for (let number = 1; number <= count; number++) {
    await audit.record([draftOf("test.done", { subject: `number ${number}` })]);
  }
}
