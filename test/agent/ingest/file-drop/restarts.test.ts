/** What a restart, of the process or of the worker alone, must not forget of a file that it had claimed. */
import assert from "node:assert/strict";
import { mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { AgentError, identifierFrom } from "#agent/errors.ts";
import { claimsWith, handWith, never } from "#test/support/between.ts";
import { type DropOptions, DropStack } from "#test/support/drop-stack.ts";
import { adt } from "#test/support/messages.ts";
import { until } from "#test/support/processes.ts";

const PDF = "%PDF-1.4\nall of it\n%%EOF\n";

async function inFolder(scene: (base: string) => Promise<void>): Promise<void> {
  const base = mkdtempSync(join(tmpdir(), "holdfast-restarts-"));
  try {
    await scene(base);
  } finally {
    rmSync(base, { recursive: true });
  }
}

/** The process ends after the claim, before anything is done with the file. */
async function killedAfterClaim(options: DropOptions, fill: (stack: DropStack) => void) {
  let isClaimed = false;
  const stack = await DropStack.open({
    ...options,
    claims: (own) =>
      claimsWith(own, {
        setAside: () => {
          isClaimed = true;
          return never();
        },
      }),
    hand: (own) =>
      handWith(own, {
        read: () => {
          isClaimed = true;
          return never();
        },
      }),
  });
  fill(stack);
  await until("it was claimed", () => isClaimed);
  await stack.kill();
}

const unfit: readonly {
  readonly rule: string;
  readonly reason: string;
  readonly options: DropOptions;
  readonly name: string;
  readonly content: string;
}[] = [
  {
    ...{ rule: "P9", reason: "contentGate", name: "half.pdf", content: PDF.slice(0, 14) },
    options: {
      config: { content: "binary", contentGate: "pdf" },
      pickup: { maxWaitMs: 100 },
    },
  },
  {
    ...{ rule: "P44", reason: "unpaired", name: "alone.pdf", content: PDF },
    options: {
      config: { content: "binary", sidecar: "json" },
      pickup: { pairTimeoutMs: 100 },
    },
  },
  {
    ...{ rule: "P45", reason: "empty", name: "empty.pdf", content: "" },
    options: { config: { content: "binary" }, pickup: { zeroByteWaitMs: 100 } },
  },
  {
    ...{ rule: "P22", reason: "tooLarge", name: "large.hl7", content: adt("A") },
    options: { pickup: { maxBytes: 10 } },
  },
];

for (const { rule, reason, options, name, content } of unfit) {
  test(`[${rule}] [P20] a file that was claimed to be set aside (${reason}) is set aside by the next start, and not sent`, async () => {
    await inFolder(async (base) => {
      await killedAfterClaim({ ...options, base }, (stack) => stack.put(name, content));
      await using stack = await DropStack.open({ ...options, base });
      await stack.settled();
      assert.deepEqual(await stack.messages(), []);
      assert.deepEqual(stack.files("error"), [name, `${name}.reason.json`]);
      assert.equal(JSON.parse(stack.read("error", `${name}.reason.json`)).code, reason);
    });
  });
}

test("[P24] [P26] a file that the disk gave back is recognised, also by the start after the one that claimed it", async () => {
  await inFolder(async (base) => {
    const options = { base, config: { duplicateFilePolicy: "off", duplicatePolicy: "off" } };
    const first = await DropStack.open(options);
    first.put("a.hl7", adt("A"));
    await first.settled();
    const [archived = ""] = first.files("archive");
    await first.close();
    await killedAfterClaim(options, (stack) => {
      renameSync(stack.path("archive", archived), stack.path("in", "a.hl7"));
    });
    await using stack = await DropStack.open(options);
    await stack.settled();
    assert.equal((await stack.messages()).length, 1);
    assert.equal((await stack.rows())[0]?.verdict, "reappeared");
  });
});

test("[P19] a file that is claimed where it lies is not claimed once more by a worker that takes over", async () => {
  let silent = 1;
  await using stack = await DropStack.open({
    config: {
      ...{ claimBy: "row", afterCommit: "leave" },
      ...{ duplicateFilePolicy: "off", duplicatePolicy: "off" },
    },
    hand: (own) =>
      handWith(own, {
        read: async (_, real) => {
          if (silent-- > 0) throw new AgentError("FOLDER_SILENT", { seconds: 60 });
          const [outcome] = await real();
          return outcome === undefined
            ? []
            : [
                {
                  claim: outcome.claim,
                  outcome: "failed",
                  step: "read",
                  folder: "work",
                  sysCode: "EIO",
                },
              ];
        },
      }),
  });
  stack.put("a.hl7", adt("A"));
  await until("the next worker listed the folder", () => stack.drop.status.fileCount > 0);
  const { lastPollAtMs = 0 } = stack.drop.status;
  await until("and again", () => (stack.drop.status.lastPollAtMs ?? 0) > lastPollAtMs + 200);
  assert.equal((await stack.rows()).length, 1);
});

test("[P32] a file that is being read when its worker falls silent is worked on alone, and set aside in the end", async () => {
  let bad = "";
  await using stack = await DropStack.open({
    config: { order: "name" },
    claims: (own) =>
      claimsWith(own, {
        attempt: async (id) => {
          const attempts = await own.attempt(id);
          const [row] = (await own.open()).filter((one) => one.id === id);
          return row?.claim === bad ? attempts + 5 : attempts;
        },
      }),
    hand: (own) =>
      handWith(own, {
        read: async ({ claims }, real) => {
          bad ||= claims.find(({ files: [data] }) => data?.name.length === 5)?.claim ?? "";
          if (claims.some(({ claim }) => claim === bad)) {
            throw new AgentError("FOLDER_SILENT", { seconds: 60 });
          }
          return await real();
        },
      }),
  });
  // The first by its name, and the only one of five characters.
  stack.put("a.hl7", adt("A"));
  for (const name of ["b1.hl7", "c1.hl7"]) stack.put(name, adt(name));
  await stack.settled();
  assert.deepEqual(stack.archived, ["b1.hl7", "c1.hl7"]);
  assert.equal(JSON.parse(stack.read("error", "a.hl7.reason.json")).code, "endedProcess");
  assert.equal(stack.logs("fileQuarantined")[0]?.["reason"], identifierFrom("endedProcess"));
});
