/** What a person may say about updates, and by which door (07 section 3, 2.8). */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Conditions } from "#agent/health/conditions.ts";
import { systemChance } from "#agent/host/clock.ts";
import { through } from "#agent/local-doors.ts";
import { UpdateDesk } from "#agent/update-desk.ts";
import { answerUpdate } from "#agent/update-questions.ts";
import { readApproval } from "#agent/updater/approval.ts";
import { JournalFile } from "#agent/updater/journal.ts";
import { writeOffer } from "#agent/updater/offer.ts";
import { placesIn } from "#agent/updater/places.ts";
import { policy } from "#config/policy.ts";
import { ManualClock } from "#test/support/clocks.ts";
import { release } from "./updater/machine.ts";

const ERIKA = { kind: "local", id: "erika", claimed: true, door: "approvers" } as const;

class Desk implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), "holdfast-desk-"));
  readonly places = placesIn(join(this.folder, "updater"));
  readonly stateDir = join(this.folder, "state");
  readonly conditions = new Conditions();

  constructor() {
    mkdirSync(join(this.folder, "updater"));
    const journal = new JournalFile(this.places.journal);
    journal.write({
      step: "idle",
      current: release(2),
      previous: release(1),
      used: [],
      told: true,
    });
    const offer = { name: "three.deb", digest: release(3).digest, version: "1.3.0" };
    writeOffer(this.places.offer, { ...offer, releaseCounter: 3, back: false });
  }

  desk(given: object = { updates: { mode: "apply" } }): UpdateDesk {
    return new UpdateDesk({
      ...{ policy: policy.parse(given), stateDir: this.stateDir, places: this.places },
      ...{ chance: systemChance, clock: new ManualClock(), conditions: this.conditions },
      ...{ floorMs: () => 7, probe: async () => {} },
    });
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

test("[W13] a yes names the staged file, its digest and who said it; it is shown, and can be taken back", () => {
  using site = new Desk();
  const desk = site.desk();
  const { digest } = release(3);
  assert.deepEqual(desk.approve(digest, false, ERIKA).approved, { digest, by: "erika" });
  const { name, by, floorMs } = readApproval(site.stateDir) ?? {};
  assert.deepEqual([name, by, floorMs], ["three.deb", "erika", 7]);
  assert.equal(desk.reject().approved, undefined);
  assert.equal(readApproval(site.stateDir), undefined);
});

test("[B19, W11] going back is said in so many words, or refused; and so is what is not there", () => {
  using site = new Desk();
  const desk = site.desk();
  assert.throws(() => desk.approve(release(1).digest, false, ERIKA), { code: "UPDATE_GOES_BACK" });
  assert.throws(() => desk.approve(release(3).digest, true, ERIKA), { code: "UPDATE_GOES_BACK" });
  assert.throws(() => desk.approve("0".repeat(64), false, ERIKA), { code: "UPDATE_NOT_STAGED" });
  desk.approve(release(1).digest, true, ERIKA);
  assert.equal(readApproval(site.stateDir)?.name, undefined);
});

test("[W13] nobody's yes is taken where the hospital has not switched updates on, or asks for signatures", () => {
  using site = new Desk();
  const { digest } = release(3);
  const standing = { mode: "standing" };
  assert.throws(() => site.desk({}).approve(digest, false, ERIKA), { code: "UPDATE_OFF" });
  const announce = { updates: { mode: "announce" } };
  assert.throws(() => site.desk(announce).approve(digest, false, ERIKA), { code: "UPDATE_OFF" });
  // High is never standing: a person it is.
  site.desk({ approval: standing, updates: { mode: "apply" } }).approve(digest, false, ERIKA);
  rmSync(site.places.journal);
  assert.throws(() => site.desk().approve(digest, false, ERIKA), { code: "UPDATE_OFF" });
  assert.equal(site.desk({}).shown, undefined);
  writeFileSync(site.places.journal, "{}");
  assert.equal(site.desk().shown?.step, "damaged");
});

test("[B20] what the updater has left and nobody can read keeps no agent from starting, nor from saying how it is", () => {
  using site = new Desk();
  for (const file of [site.places.offer, site.places.journal]) {
    rmSync(file);
    mkdirSync(file);
  }
  site.desk().warn();
  const { step, offer } = site.desk().shown ?? {};
  assert.deepEqual([step, offer], ["damaged", undefined]);
  assert.deepEqual(site.conditions.list(), []);
});

test("[W13] what came of an update uses up the yes to it, and no other", async () => {
  using site = new Desk();
  const desk = site.desk();
  const { digest } = release(3);
  const ended = (of: string) => answerUpdate({ ask: "updateEnded", outcome: { digest: of } }, desk);
  desk.approve(digest, false, ERIKA);
  await ended(release(2).digest);
  assert.equal(readApproval(site.stateDir)?.digest, digest);
  await ended(digest);
  assert.equal(readApproval(site.stateDir), undefined);
});

test("members of holdfast-approvers may decide, and may not speak for the updater", async () => {
  using site = new Desk();
  const desk = site.desk();
  const door = through("approvers", async (request) => answerUpdate(request as object, desk));
  const { digest } = release(3);
  await door({ ask: "updateApprove", digest, by: "erika" });
  assert.equal(readApproval(site.stateDir)?.by, "erika");
  await door({ ask: "updateStatus" });
  await door({ ask: "updateReject" });
  await assert.rejects(door({ ask: "updateEnded", outcome: {} }), { code: "NOT_FOR_APPROVERS" });
  await assert.rejects(door({ ask: "updateTest" }), { code: "NOT_FOR_APPROVERS" });
});

test("[T-O04] a release that was not kept is a warning with its version and the reason, until one is approved", async () => {
  using site = new Desk();
  const seen = () =>
    site.conditions.list().map(({ condition, facts }) => [condition, { ...facts }]);
  site.desk().warn();
  assert.deepEqual(seen(), []);
  const { digest } = release(3);
  const outcome = { digest, from: "1.2.0", to: "1.3.0", by: "erika", at: "2026-11-27T22:00:00Z" };
  new JournalFile(site.places.journal).write({
    ...{ step: "idle", current: release(2), previous: release(1), used: [], told: false },
    outcome: { kind: "wentBack", reason: "tunnel", ...outcome },
  });
  const warned = [["updateWentBack", { version: "1.3.0", reason: "tunnel" }]];
  const desk = site.desk();
  await answerUpdate({ ask: "updateEnded", outcome }, desk);
  assert.deepEqual(seen(), warned, "as soon as it is told");
  site.conditions.close("updateWentBack", "");
  desk.warn();
  assert.deepEqual(seen(), warned, "and after the next start");
  desk.approve(digest, false, ERIKA);
  assert.deepEqual(seen(), []);
  desk.reject();
  assert.deepEqual(seen(), warned);
});
