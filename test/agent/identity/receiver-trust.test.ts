/** Whom the tunnel and the renewal door trust after trust documents came (07 1.9). */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { heldTrust } from "#agent/identity/receiver-trust.ts";
import { createDevelopmentCa } from "#certs/development-ca.ts";
import type { SlotIdentity } from "#certs/slot.ts";
import type { TrustDocument } from "#documents/types/trust.ts";
import { KeptIdentity } from "#test/support/kept-identity.ts";
import { KEYS, signed, trust } from "#test/support/signed-documents.ts";

const [FIRST, SECOND] = await Promise.all(
  ["First", "Second"].map(async (name) => (await createDevelopmentCa(name)).certificatePem),
);
assert.ok(FIRST !== undefined && SECOND !== undefined);

const envelopeOf = (change: Partial<TrustDocument>): Uint8Array =>
  signed("trust", trust(change), KEYS.trust.slice(0, 2));
const held = (...changes: readonly Partial<TrustDocument>[]) => heldTrust(changes.map(envelopeOf));
const casOf = (kept: KeptIdentity): string => kept.keeper.identity().receiverCaPem;
const slotFile = (kept: KeptIdentity, file: string): string =>
  join(kept.state.identity, kept.store.current?.name ?? "", file);

describe("receiver trust", () => {
  test("[07 1.9] exactly what the newest document lists is trusted, whatever order they are read in, and a restart changes nothing", async () => {
    await using kept = await KeptIdentity.open();
    const pinned = casOf(kept);
    const both = { version: 2, receiverCas: [pinned, FIRST] };
    assert.equal(kept.keeper.trusts(held(both)), "changed");
    assert.equal(casOf(kept), pinned + FIRST);
    const alone = { version: 3, receiverCas: [FIRST] };
    assert.equal(kept.keeper.trusts(held(alone)), "withdrawn");
    assert.equal(casOf(kept), FIRST);
    assert.equal(kept.keeper.trusts(held(both, alone)), "same", "an older one counts no more");
    kept.restart();
    assert.equal(casOf(kept), FIRST, "by its slot alone");
    const chain = JSON.parse((kept.keeper.identity() as SlotIdentity).trustChain);
    assert.equal(chain.length, 3, "from the anchor on, without a gap");
    assert.equal(kept.keeper.trusts(heldTrust([alone, both].map(envelopeOf))), "same");
    assert.equal(casOf(kept), FIRST);
  });

  test("[07 1.9] of another tenant nothing is believed; without a newer document nothing changes", async () => {
    await using kept = await KeptIdentity.open();
    const before = kept.keeper.identity();
    assert.equal(kept.keeper.trusts([]), "same");
    const strange = held({ version: 9, tenant: "south", receiverCas: [FIRST] });
    assert.equal(kept.keeper.trusts(strange), "same");
    assert.equal(kept.keeper.trusts(held({ version: 1, receiverCas: [FIRST] })), "same");
    assert.equal(kept.keeper.identity(), before);
  });

  test("[07 1.9] where the slot cannot be written the document counts all the same, and is written by the next start", async () => {
    await using kept = await KeptIdentity.open();
    const inTheWay = slotFile(kept, "receiver-ca.pem.new");
    mkdirSync(inTheWay);
    const pinned = casOf(kept);
    const documents = held({ version: 2, receiverCas: [pinned, FIRST, SECOND] });
    assert.equal(kept.keeper.trusts(documents), "changed");
    assert.equal(casOf(kept), pinned + FIRST + SECOND);
    assert.ok(kept.logged.includes("receiverCasUnwritten IDENTITY_NOT_WRITABLE"), `${kept.logged}`);
    rmSync(inTheWay, { recursive: true });
    kept.restart();
    assert.equal(casOf(kept), pinned, "the slot knows nothing of it");
    assert.equal(kept.keeper.trusts(documents), "changed");
    assert.ok(readFileSync(slotFile(kept, "receiver-ca.pem"), "utf8").includes(FIRST));
  });

  test("[07 1.9] [N2] the renewal door is trusted by the same document: of a withdrawn CA it is not asked, and the next slot has what is in force", async () => {
    await using kept = await KeptIdentity.open();
    const pinned = casOf(kept);
    kept.keeper.trusts(held({ version: 2, receiverCas: [FIRST] }));
    await assert.rejects(kept.keeper.renewNow(), { code: "TUNNEL_INTERCEPTED" });
    assert.deepEqual(kept.doors.requests, []);
    kept.keeper.trusts(held({ version: 3, receiverCas: [FIRST, pinned] }));
    await kept.keeper.renewNow();
    assert.equal(kept.dial(), "");
    assert.equal(kept.store.current?.load().receiverCaPem, FIRST + pinned);
  });

  test("[07 1.9] a document that comes in the middle of a renewal counts for its second request, and for what it brings", async () => {
    await using kept = await KeptIdentity.open();
    kept.doors.alter = (path, answer) => {
      if (path === "/v1/renew/nonce")
        kept.keeper.trusts(held({ version: 2, receiverCas: [FIRST] }));
      return answer;
    };
    await assert.rejects(kept.keeper.renewNow(), { code: "TUNNEL_INTERCEPTED" });
    assert.deepEqual(kept.doors.requests, ["POST /v1/renew/nonce"]);
  });

  test("[N6] an identity that was welcomed after its trust had changed is known as the same one", async () => {
    await using kept = await KeptIdentity.open();
    const pinned = casOf(kept);
    await kept.keeper.renewNow();
    const shown = kept.keeper.identity();
    kept.keeper.trusts(held({ version: 2, receiverCas: [pinned, FIRST] }));
    kept.keeper.welcomed(shown, kept.doors.nowMs());
    assert.equal(kept.store.current?.load().serialHex, shown.serialHex);
    assert.equal(casOf(kept), pinned + FIRST);
  });
});
