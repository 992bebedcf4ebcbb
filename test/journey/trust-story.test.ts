/**
 * The story that docs/trust.md tells, with both programs and the tool of those who sign: the page is run (07).
 *
 * Where it has people wait for minutes, the clock of the agent goes faster: no setting is made shorter for it. A block
 * that waits sends nothing: one step of that clock is longer than a message may wait for its commit (STORE_BUSY).
 *
 * @module
 */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { askLocal } from "#agent/host/local-socket.ts";
import { SteppedClock } from "#test/faults/stepped-clock.ts";
import { blocksOf, isAsSaid, Walk } from "#test/support/walkthrough.ts";

const ROOT = join(import.meta.dirname, "../..");
const HEADING = "## The whole story, to try out";
/** Fewer than ten steps until the agent calls the receiver silent; each lets it hear what has come. */
const STEP_SECONDS = 4;
const STEP_MS = 50;
const SHOWN_CHARACTERS = 3_000;
const SENDS = /^(?:holdfast send|sh say)/m;

const clock = SteppedClock.make();
const skip =
  typeof clock === "string"
    ? clock
    : process.getuid?.() !== 0 && "needs root, whose local.yaml alone is believed: not tested";

/** Until disposal. As fast as the agent follows: each step waits for its answer, which also wakes it. */
function faster(moved: SteppedClock, stateDir: string): AsyncDisposable {
  let isOver = false;
  const stepping = async (): Promise<void> => {
    while (!isOver) {
      moved.set(moved.hours + STEP_SECONDS / 3_600);
      await askLocal(stateDir, { ask: "status" });
      await pause(STEP_MS);
    }
  };
  const end = stepping();
  // Looked at on disposal.
  end.catch(() => {});
  return {
    [Symbol.asyncDispose]: () => {
      isOver = true;
      return end;
    },
  };
}

test("the story of docs/trust.md runs as it is told: enrolment, two signatures, approval, window, probation, rollback, rotation, recovery", {
  skip,
}, async (t) => {
  assert.ok(typeof clock !== "string");
  using _clock = clock;
  const folder = mkdtempSync(join(tmpdir(), "holdfast-story-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = [join(folder, "bin"), dirname(process.execPath), process.env["PATH"]].join(":");
  const blocks = blocksOf(readFileSync(join(ROOT, "docs/trust.md"), "utf8"), HEADING);
  const stateDir = join(folder, "hospital/state");
  const impatient = blocks.filter(({ kind, commands }) => kind === "waits" && SENDS.test(commands));
  assert.deepEqual(impatient, []);
  using walk = new Walk(folder, { ...process.env, HOLDFAST: ROOT, PATH: path });
  for (const block of blocks) {
    await using _faster = block.kind === "waits" ? faster(clock, stateDir) : undefined;
    const env = block.kind === "starts" ? clock.env("allClocks") : {};
    const { code, said } = await walk.run(block, env);
    const where = `docs/trust.md, line ${block.line}`;
    if (code !== 0) assert.fail(`${where} ends with ${code}:\n${said}\n${logIn(folder)}`);
    if (block.prints === undefined || isAsSaid(said, block.prints)) continue;
    assert.equal(said.trimEnd(), block.prints, `${where} prints something else`);
  }
});

/** Its end, for whoever looks for what went wrong. */
function logIn(folder: string): string {
  try {
    return readFileSync(join(folder, "hospital/log"), "utf8").slice(-SHOWN_CHARACTERS);
  } catch {
    return "";
  }
}

test("a page that says something else than is printed is found out, and no block of it is passed over", () => {
  const prints = "first\n…\n  of … is\nlast";
  for (const said of ["first\n  of x is\nlast\n", "first\na\n\n  of  is\nlast"]) {
    assert.ok(isAsSaid(said, prints), said);
  }
  for (const said of ["", "first\nlast", "first\n  of x is\nlast\nmore", "first\n of x is\nlast"]) {
    assert.ok(!isAsSaid(said, prints), said);
  }
  assert.ok(!isAsSaid("axb", "a.b"));
  const page =
    "# A\n```sh\nno\n```\n# B\n```sh waits\none\n```\n```text\nsaid\n```\n## C\n```sh\ntwo\n```\n# D\n";
  assert.deepEqual(blocksOf(page, "# B"), [
    { line: 6, kind: "waits", commands: "one", prints: "said" },
    { line: 13, kind: "plain", commands: "two" },
  ]);
  for (const bad of [
    "```sh later\none\n```",
    "```sh\none",
    "```text\nsaid\n```",
    "```bash\none\n```",
  ]) {
    assert.throws(() => blocksOf(`# B\n${bad}`, "# B"), /line 2/);
  }
  assert.throws(() => blocksOf(page, "# E"), /no section/);
});
