/** The order in which a release takes the place of another one, and a crash at each point of it (07 section 3). */
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { JournalFile, type Served } from "#agent/updater/journal.ts";
import type { Run } from "#agent/updater/updater.ts";
import { rawOf } from "#documents/public-key.ts";
import { Crash, Machine, release, YES } from "./machine.ts";

function said(ran: Run): string {
  if (ran.kind === "waiting") return `waiting ${ran.why}`;
  if (ran.kind === "unfinished") return `unfinished ${ran.step}`;
  const { kind, reason } = ran.outcome;
  return reason === undefined ? kind : `${kind} ${reason}`;
}

/** @returns what holds of every machine on which nothing is under way */
function refuseUnlessSettled(machine: Machine, where: string): void {
  const { step, current } = machine.journal;
  assert.equal(step, "idle", where);
  const found = [machine.installed, machine.database, machine.running?.version];
  assert.deepEqual(found, [current.version, current.version, current.version], where);
  const { releaseCounter } = machine.marks.marks;
  assert.ok(releaseCounter >= current.releaseCounter, where);
}

test("[W4, W11] a release that does as well takes the place of the one before; marks rise then, and not before", async () => {
  using machine = new Machine();
  assert.equal(said(await machine.run()), "committed");
  refuseUnlessSettled(machine, "committed");
  assert.equal(machine.running?.version, "1.2.0");
  assert.equal(machine.journal.previous?.version, "1.1.0");
  assert.equal(machine.marks.marks.releaseCounter, 2);
  assert.deepEqual(
    machine.told.map(({ kind, by, from, to }) => [kind, by, from, to]),
    [["committed", "erika", "1.1.0", "1.2.0"]],
  );
  // The yes is used up, though the agent has not taken it away yet.
  assert.equal(said(await machine.run()), "waiting notApproved");
});

const WORSE: readonly (readonly [string, Partial<Served>])[] = [
  ["version", { version: "1.1.9" }],
  ["channels", { taking: [] }],
  ["tunnel", { connected: false }],
  ["critical", { critical: ["outboxFull "] }],
];
for (const [why, less] of WORSE) {
  test(`[B20] a release with less than before (${why}): the one before runs again, marks are not moved`, async () => {
    using machine = new Machine();
    machine.worse.set("1.2.0", less);
    assert.equal(said(await machine.run()), `wentBack ${why}`);
    refuseUnlessSettled(machine, why);
    assert.equal(machine.running?.version, "1.1.0");
    assert.equal(machine.marks.marks.releaseCounter, 1);
    // A fix needs a new yes.
    assert.equal(said(await machine.run()), "waiting notApproved");
  });
}

test("[B20] a release that is never ready: the one before serves in less than 60 s", async () => {
  using machine = new Machine();
  machine.bad.add("1.2.0");
  assert.equal(said(await machine.run()), "wentBack silent");
  refuseUnlessSettled(machine, "silent");
  assert.equal(machine.running?.version, "1.1.0");
  assert.ok(machine.longestSilenceMs < 60_000, `${machine.longestSilenceMs} ms`);
  assert.equal(machine.told[0]?.kind, "wentBack");
});

test("[B20] what starts again and again is not steady: it goes back", async () => {
  using machine = new Machine();
  let pid = 1_000;
  const serving = machine.serving.bind(machine);
  machine.serving = async () => {
    const found = await serving();
    if (found?.version !== "1.2.0") return found;
    pid += 1;
    return { ...found, pid };
  };
  assert.equal(said(await machine.run()), "wentBack silent");
  refuseUnlessSettled(machine, "not steady");
});

test("[W13] nothing is touched without: mode apply, a yes, a window, a service that answers and is the known one", async () => {
  const night = { days: ["mon"], from: "03:00", to: "03:01", zone: "Etc/UTC" };
  const key = Buffer.from(rawOf(generateKeyPairSync("ed25519").privateKey)).toString("hex");
  const approval = { mode: "signed", hospitalKeys: [key] };
  const cases: readonly (readonly [string, (machine: Machine) => void])[] = [
    ["off", (machine) => (machine.policy = {})],
    ["off", (machine) => (machine.policy = { updates: { mode: "announce" } })],
    ["notApproved", (machine) => (machine.approval = undefined)],
    ["approvalMode", (machine) => Object.assign(machine.policy, { approval })],
    ["window", (machine) => Object.assign(machine.policy, { changeWindows: [night] })],
    ["notServing", (machine) => machine.bad.add("1.1.0")],
    ["notCurrent", (machine) => machine.worse.set("1.1.0", { version: "1.1.1" })],
  ];
  for (const [why, change] of cases) {
    using machine = new Machine();
    change(machine);
    assert.equal(said(await machine.run()), `waiting ${why}`);
    assert.deepEqual(machine.done, [], why);
  }
});

test("[W13] what verification refuses is not installed, is told, and uses the yes up", async () => {
  using machine = new Machine();
  machine.found = { refused: "SIGNATURE" };
  assert.equal(said(await machine.run()), "refused SIGNATURE");
  assert.deepEqual(machine.done, ["keepOnly", "journal", "tell", "journal"]);
  assert.equal(machine.told[0]?.reason, "SIGNATURE");
  assert.equal(said(await machine.run()), "waiting notApproved");
});

test("[B20, S5] a release with another schema of the store is not begun: the one before could not open it any more", async () => {
  const cases = [
    [9, 8],
    [7, 8],
    [-1, 8],
    [8, -1],
    [-1, -1],
  ] as const;
  for (const [next, current] of cases) {
    using machine = new Machine();
    machine.schemas.set("1.2.0", next).set("1.1.0", current);
    const pid = machine.running?.pid;
    assert.equal(said(await machine.run()), "refused STORE_SCHEMA", `${current} to ${next}`);
    refuseUnlessSettled(machine, "schema");
    assert.equal(machine.running?.pid, pid);
    assert.deepEqual(machine.done, ["keepOnly", "journal", "tell", "journal"]);
  }
});

test("[B20] the package manager says no: what runs is never stopped", async () => {
  using machine = new Machine();
  machine.canInstall = false;
  const pid = machine.running?.pid;
  assert.equal(said(await machine.run()), "unfinished tidying");
  assert.equal(machine.running?.pid, pid);
  machine.canInstall = true;
  assert.equal(said(await machine.run()), "wentBack install");
  refuseUnlessSettled(machine, "install");
  assert.equal(machine.running?.pid, pid);
});

const SCENES: Readonly<Record<string, (machine: Machine) => void>> = {
  "a good release": () => {},
  "a release that is never ready": (machine) => machine.bad.add("1.2.0"),
};
for (const [scene, prepare] of Object.entries(SCENES)) {
  for (const power of [false, true]) {
    const what = power ? "a power cut" : "a kill of the updater";
    test(`[B20] ${what} at each point of ${scene}: the next runs end with one that serves, whole`, async () => {
      let count = 0;
      for (let point = 0; ; point++) {
        using machine = new Machine();
        prepare(machine);
        machine.crashAt = point;
        try {
          await machine.run();
          break;
        } catch (error) {
          assert.ok(error instanceof Crash);
          count += 1;
          machine.reboot(power);
          const where = `${error.message}, point ${point}`;
          for (let run = 0; run < 4; run++) await machine.run();
          refuseUnlessSettled(machine, where);
          const kept = machine.told.at(-1);
          assert.ok(kept !== undefined, where);
          // Marks say what was kept, and nothing else has moved them.
          const isNew = machine.journal.current.version === "1.2.0";
          assert.equal(machine.marks.marks.releaseCounter, isNew ? 2 : 1, where);
          assert.equal(kept.kind, isNew ? "committed" : "wentBack", where);
        }
      }
      assert.ok(count >= 16, `${count} points`);
    });
  }
}

test("[B19, W11] going back to the release before uses the one permission, and keeps the mark", async () => {
  using machine = new Machine();
  await machine.run();
  machine.approval = { ...YES, id: "1".repeat(32), back: true };
  machine.found = release(1);
  assert.equal(said(await machine.run()), "committed");
  refuseUnlessSettled(machine, "back");
  assert.equal(machine.running?.version, "1.1.0");
  assert.deepEqual([machine.marks.marks.releaseCounter, machine.marks.marks.wentBack], [2, true]);
});

test("a journal that cannot be read is never taken for none", () => {
  using machine = new Machine();
  const file = join(machine.folder, "journal.json");
  writeFileSync(file, '{"format":"holdfast-updater/1"}');
  assert.throws(() => new JournalFile(file).read(), { code: "UPDATE_JOURNAL_DAMAGED" });
});
