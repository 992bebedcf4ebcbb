/** One file that fails for ever stops nobody else (04 P29, P32). */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { AgentError, identifierFrom } from "#agent/errors.ts";
import { claimsWith, handWith } from "#test/support/between.ts";
import { DropStack } from "#test/support/drop-stack.ts";
import { adt } from "#test/support/messages.ts";
import { until } from "#test/support/processes.ts";

const LARGE = `${adt("LARGE")}NTE|1|L|${"x".repeat(3 << 20)}\r`;

test("[P32] a large file that cannot be read is set aside after maxAttempts, and those behind it are taken meanwhile", async () => {
  let reads = 0;
  await using stack = await DropStack.open({
    config: { order: "name" },
    settings: { maxAttempts: 2 },
    hand: (own) =>
      handWith(own, {
        readPart: async () => {
          reads += 1;
          const where = { folder: identifierFrom("work"), step: identifierFrom("read") };
          throw new AgentError("FOLDER_FAILED", { ...where, sysCode: identifierFrom("EIO") });
        },
      }),
  });
  stack.put("a.hl7", LARGE);
  stack.put("b.hl7", adt("B"));
  await until("the one behind it is archived", () => stack.archived.length === 1);
  await stack.settled();
  assert.equal(reads >= 2, true);
  assert.equal(stack.isOpen("folderUnreachable"), false);
  assert.equal(JSON.parse(stack.read("error", "a.hl7.reason.json")).code, "unreadable");
  assert.deepEqual(
    (await stack.messages()).map(({ controlId }) => controlId),
    ["B"],
  );
});

test("[P46] a large file whose folder has gone while it was read is no bad file", async () => {
  let fails = 1;
  let lost = 1;
  const fault = (sysCode: string): AgentError =>
    new AgentError("FOLDER_FAILED", {
      ...{ folder: identifierFrom("work"), step: identifierFrom("open") },
      sysCode: identifierFrom(sysCode),
    });
  await using stack = await DropStack.open({
    settings: { maxAttempts: 1 },
    hand: (own) =>
      handWith(own, {
        readPart: async (_, real) => {
          if (fails-- > 0) throw fault("EIO");
          return await real();
        },
        whereIs: async (_, real) => {
          if (fails <= 0 && lost-- > 0) throw fault("EHOSTDOWN");
          return await real();
        },
      }),
  });
  stack.put("a.hl7", LARGE);
  await until("it was noticed", () => stack.isOpen("folderUnreachable"));
  await stack.settled();
  assert.deepEqual(stack.archived, ["a.hl7"]);
  assert.equal((await stack.messages()).length, 1);
});

test("[P29] a file that can never be moved waits by itself: others are moved as they come", async () => {
  let stuck = "";
  let tries = 0;
  await using stack = await DropStack.open({
    hand: (own) =>
      handWith(own, {
        archive: async ({ moves, after }) => {
          stuck ||= moves[0]?.claim ?? "";
          const good = moves.filter(({ claim }) => claim !== stuck);
          const moved = good.length === 0 ? [] : await own.call("archive", { moves: good, after });
          if (good.length === moves.length) return moved;
          tries += 1;
          const failed = { outcome: "failed", step: "copy", folder: "archive" } as const;
          return [...moved, { claim: stuck, ...failed, sysCode: "EFBIG" }];
        },
      }),
  });
  stack.put("a.hl7", adt("A"));
  await until("it was tried again", () => tries >= 2);
  const before = tries;
  for (const name of ["b", "c", "d", "e", "f"]) {
    stack.put(`${name}.hl7`, adt(name));
    await until("moved", () => stack.archived.includes(`${name}.hl7`));
  }
  assert.ok(tries <= before + 2, `${tries - before} more tries`);
  assert.ok(stack.isOpen("fileNotMoved"), "it stays in sight");
  assert.equal(stack.drop.status.toMoveCount, 1);
});

test("[P30] [S16] where a row is damaged nothing is pruned, and files are taken all the same", async () => {
  let asked = 0;
  await using stack = await DropStack.open({
    claims: (own) =>
      claimsWith(own, {
        keptTargets: async () => {
          asked += 1;
          throw new AgentError("STORE_BODY_DAMAGED", { id: 1 });
        },
      }),
  });
  await until("it was asked", () => asked > 0);
  stack.put("a.hl7", adt("A"));
  await stack.settled();
  assert.equal(stack.drop.status.state, "watching");
});

test("[P30] a file that was claimed long before it was stored stays while its message is unsettled", async () => {
  const base = mkdtempSync(join(tmpdir(), "holdfast-kept-"));
  try {
    const first = await DropStack.open({
      base,
      claims: (own) =>
        claimsWith(own, {
          claim: async (claims) =>
            (await own.claim(claims)).map((one) => ({ ...one, claimedAtMs: Date.UTC(2020, 0, 2) })),
        }),
    });
    first.put("a.hl7", adt("A"));
    await first.settled();
    assert.deepEqual(first.files("archive"), ["2020/01/02/a.hl7"]);
    await first.close();
    // The first turn of a start prunes.
    let pruned = 0;
    await using stack = await DropStack.open({
      base,
      hand: (own) =>
        handWith(own, {
          prune: async (_, real) => {
            const answer = await real();
            pruned += 1;
            return answer;
          },
        }),
    });
    await until("both folders were looked at", () => pruned >= 2);
    assert.deepEqual(stack.files("archive"), ["2020/01/02/a.hl7"]);
  } finally {
    rmSync(base, { recursive: true });
  }
});

test("a driver that ends by a defect says so", async () => {
  await using stack = await DropStack.open({
    hand: (own) =>
      handWith(own, { poll: () => Promise.reject(new TypeError("planted by this test")) }),
  });
  await until("it is in sight", () => stack.isOpen("fileDropEnded"));
  assert.equal(stack.drop.status.state, "failed");
  assert.equal(stack.failures.length, 1);
  stack.failures.length = 0;
});
