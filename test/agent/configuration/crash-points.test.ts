/** The process dies, or the store takes nothing, at each step of a configuration on its way (U20; 07 2.10). */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ConfigurationParts } from "#agent/configuration/parts.ts";
import { AgentError } from "#agent/errors.ts";
import { freePort } from "#scripts/free-port.ts";
import {
  bundleOf,
  channelsOn,
  configOf,
  type Made,
  MINUTE_MS,
} from "#test/support/configured-documents.ts";
import { type Machine, passed, Site } from "#test/support/configured-site.ts";

type Audit = ConfigurationParts["audit"];
const PROBATION_MS = 2 * MINUTE_MS + 5_000;

/** The death of the process, as far as what comes after it goes. */
class Died extends Error {}

/** Dies at a record: before it is durable, or behind it. */
function dyingAt(count: number, side: "before" | "behind") {
  let seen = 0;
  const died = { is: false };
  const audit = (real: Audit): Audit => ({
    note: (drafts) => real.note(drafts),
    record: async (drafts, change) => {
      if (died.is) throw new Died();
      seen += 1;
      const isNow = seen === count;
      if (!isNow || side === "behind") await real.record(drafts, change);
      if (!isNow) return;
      died.is = true;
      throw new Died();
    },
  });
  return { audit, died, seen: () => seen };
}

interface Scene extends AsyncDisposable {
  readonly site: Site;
  readonly old: Made & { readonly port: number };
  readonly next: Made & { readonly port: number };
}

/** One configuration is in force; another is about to come. The machine is off. */
async function scene(): Promise<Scene> {
  const site = await Site.make();
  const [port, other] = [await freePort(), await freePort()];
  const old = { ...configOf({ body: channelsOn(port) }), port };
  const next = { ...configOf({ seq: 2, base: old.digest, body: channelsOn(other) }), port: other };
  {
    await using machine = await site.start();
    await machine.imported(bundleOf(old));
    await machine.approved(old.digest);
    await passed(site.clock, PROBATION_MS);
    await machine.until("COMMITTED");
  }
  await site.keep();
  return { site, old, next, [Symbol.asyncDispose]: () => site[Symbol.asyncDispose]() };
}

/** From wherever it stands to its end. */
async function carriedThrough(machine: Machine, { site, next }: Scene): Promise<void> {
  if (machine.desk.status.newest?.digest !== next.digest) await machine.taken(next.envelope);
  if (machine.state === "AWAITING_APPROVAL") await machine.approved(next.digest);
  // A preflight takes as long as it takes, on whatever clock.
  for (let turns = 0; turns < 100 && UNDER_WAY.has(machine.state ?? ""); turns++) {
    await passed(site.clock, machine.state === "PROBATION" ? PROBATION_MS : 35_000);
  }
}

const UNDER_WAY: ReadonlySet<string> = new Set(["SCHEDULED", "PREFLIGHT", "APPLYING", "PROBATION"]);

describe("a configuration whose way is cut", () => {
  for (const side of ["before", "behind"] as const) {
    test(`[U20] ${side} each record: old or new whole, never mixed, its number never lower, and it goes on`, async () => {
      await using one = await scene();
      const { site, old, next } = one;
      for (let count = 1; ; count++) {
        const { audit, died } = dyingAt(count, side);
        {
          await using machine = await site.start({ audit });
          await carriedThrough(machine, one).catch((error: unknown) => {
            if (!(error instanceof Died)) throw error;
          });
          await passed(site.clock, 10_000);
        }
        if (!died.is) break;
        {
          await using machine = await site.start();
          const { effective, seqHigh } = machine.desk.status;
          const runs = JSON.stringify(machine.ports);
          const isNew = runs === JSON.stringify([next.port]);
          assert.ok(isNew || runs === JSON.stringify([old.port]), `${side} ${count}: ${runs}`);
          assert.equal(effective?.digest, isNew ? next.digest : old.digest);
          const isKnown = machine.desk.status.newest?.digest === next.digest;
          assert.equal(seqHigh, isKnown ? 2 : 1, `${side} ${count}`);
          assert.equal(machine.recording.keeper.marks.seqHigh, seqHigh);
          const isGoingOn = ["AWAITING_APPROVAL", "SCHEDULED", "PROBATION"].includes(
            machine.state ?? "",
          );
          if (isKnown && !isGoingOn && machine.state !== "COMMITTED") {
            assert.equal(machine.state, "ROLLED_BACK", `${side} ${count}`);
          }
          await carriedThrough(machine, one);
          await machine.until(machine.state === "ROLLED_BACK" ? "ROLLED_BACK" : "COMMITTED");
        }
        // From the beginning for the next one.
        await site.reset();
      }
    });
  }

  test("[U20] a store that takes nothing for a while: nothing changes unrecorded, and it goes on when there is room", async () => {
    await using one = await scene();
    const { site, old, next } = one;
    for (let from = 1; from <= 9; from++) {
      let seen = 0;
      let isFull = true;
      const audit = (real: Audit): Audit => ({
        note: (drafts) => real.note(drafts),
        record: async (drafts, change) => {
          seen += 1;
          if (seen >= from && isFull) throw new AgentError("AUDIT_UNWRITABLE", {});
          await real.record(drafts, change);
        },
      });
      // A start that cannot be recorded runs what it knows: the first record is of this one's way.
      await using machine = await site.start({ audit });
      const full = await carriedThrough(machine, one).then(() => false, isUnwritable);
      await passed(site.clock, 20_000);
      const wasFull = full || seen >= from;
      assert.ok(machine.ports.every((port) => port === old.port || port === next.port));
      isFull = false;
      if (!wasFull) break;
      await passed(site.clock, 60_000);
      await carriedThrough(machine, one);
      await passed(site.clock, PROBATION_MS);
      await machine.until("COMMITTED");
      assert.deepEqual(machine.ports, [next.port], String(from));
      await machine[Symbol.asyncDispose]();
      await site.reset();
    }
  });
});

const isUnwritable = (error: unknown): true => {
  assert.ok(error instanceof AgentError && error.code === "AUDIT_UNWRITABLE", String(error));
  return true;
};
