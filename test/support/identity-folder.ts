/** A state folder with an identity in it, and whoever issues one. @module */
import { createPublicKey } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemChance } from "#agent/host/clock.ts";
import type { Kek } from "#agent/sealing/key-ring.ts";
import { createDevelopmentCa, type DevelopmentCa } from "#certs/development-ca.ts";
import { checkProfile } from "#certs/profile.ts";
import type { Slot, SlotContent, SlotKeys } from "#certs/slot.ts";
import { IdentityStore } from "#certs/slots.ts";
import { createTestAuthority, type TestAuthority } from "./test-authority.ts";
import { TEST_KEK } from "./test-keys.ts";

type Validity = { readonly notBefore?: Date; readonly notAfter?: Date };

export const AGENT = { trustDomain: "holdfast.local", tenant: "north", agent: "ward-1" } as const;
export const AGENT_CA: TestAuthority = await createTestAuthority("Agents");
export const RECEIVER_CA: DevelopmentCa = await createDevelopmentCa("Receivers");

/** What a receiver would answer, and the agent would make of it. */
export async function contentFor(
  keys: SlotKeys,
  generation = 1,
  validity: Validity = {},
): Promise<SlotContent> {
  const chainPem = await AGENT_CA.issue(keys.tls, { ...AGENT, ...validity });
  const { tenant, agent } = AGENT;
  const result = checkProfile(chainPem, { publicKey: createPublicKey(keys.tls), tenant, agent });
  if (result.kind === "refused") throw new Error(`the certificate is refused: ${result.flaw}`);
  const { kind: _, ...fits } = result;
  const receiverCaPem = RECEIVER_CA.certificatePem;
  return { ...fits, chainPem, receiverCaPem, trustChain: "[]", generation };
}

export class StateFolder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), "holdfast-state-"));
  kek: Kek = TEST_KEK;

  get identity(): string {
    return join(this.path, "identity");
  }

  store(): IdentityStore {
    return new IdentityStore({
      ...{ stateDir: this.path, kek: () => this.kek, chance: systemChance },
    });
  }

  /** As after an enrolment: one slot, in use. */
  async enrolled(validity: Validity = {}): Promise<Slot> {
    const store = this.store();
    const { slot, keys } = store.beginEnrolment("00".repeat(16));
    slot.complete(await contentFor(keys, 1, validity));
    store.adopt();
    store.promote(slot.name, 0);
    return slot;
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
