import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, test } from "node:test";
import { AgentError, type Facts, identifierFrom } from "#agent/errors.ts";
import { FACT_NAMES } from "#agent/fact-names.ts";
import { Conditions } from "#agent/health/conditions.ts";
import type { Log } from "#agent/host/log.ts";
import { silentLog } from "#agent/host/silent-log.ts";

const ROOT = join(import.meta.dirname, "../../..");

/** Runs statements on a real log in a process of its own. @returns its lines on standard error, parsed */
function linesOf(statements: string): Record<string, unknown>[] {
  const program = `
    import { AgentError, identifierFrom } from "${ROOT}/agent/errors.ts";
    import { openLog } from "${ROOT}/agent/host/log.ts";
    const log = openLog();
    ${statements}`;
  const args = ["--input-type=module-typescript", "--eval", program];
  const { stderr, stdout, status } = spawnSync(process.execPath, args, { encoding: "utf8" });
  assert.deepEqual([status, stdout], [0, ""], stderr);
  const lines = stderr.split("\n").filter((line) => line !== "");
  return lines.map((line) => JSON.parse(line));
}

describe("log", () => {
  test("[PL9] in the journal each line says how grave it is; an alarm by its severity", () => {
    const program = `
      import { identifierFrom } from "${ROOT}/agent/errors.ts";
      import { openLog } from "${ROOT}/agent/host/log.ts";
      const log = openLog("journal");
      for (const severity of ["critical", "warning", "information"]) {
        log.write("alarmOpened", { severity: identifierFrom(severity) });
      }
      log.write("alarmClosed", { severity: identifierFrom("critical") });
      log.write("storeFailing", {});`;
    const args = ["--input-type=module-typescript", "--eval", program];
    const { stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
    const lines = stderr.split("\n").filter((line) => line !== "");
    assert.deepEqual(
      lines.map((line) => line.slice(0, 4)),
      ["<3>{", "<4>{", "<6>{", "<6>{", "<3>{"],
    );
    for (const line of lines) JSON.parse(line.slice(3));
  });

  test("writes one JSON object a line on standard error, with time, level, event and facts", () => {
    const [line, second] = linesOf(`
      log.write("listenerOpened", { port: 2575, ok: true, channel: identifierFrom("adt") });
      log.write("storeFailing", { seq: 2n ** 62n + 1n });`);
    assert.match(String(line?.["timestamp"]), /^\d{4}-\d\d-\d\dT.*Z$/);
    const { timestamp: _, ...rest } = line ?? {};
    assert.deepEqual(rest, {
      level: "info",
      message: "listenerOpened",
      port: 2575,
      ok: true,
      channel: "adt",
    });
    assert.deepEqual([second?.["level"], second?.["seq"]], ["error", "4611686018427387905"]);
  });

  test("[I-6] a foreign error's text and stack are never printed, its code is", () => {
    const program = `
      const cause = Object.assign(new Error("DOE^JOHN 1970"), { code: "ECONNRESET", path: "/DOE" });
      log.fault("tunnelLost", new AgentError("TUNNEL_UNREACHABLE", { sysCode: identifierFrom("ECONNRESET") }, { cause }));`;
    const [line] = linesOf(program);
    assert.equal(line?.["code"], "TUNNEL_UNREACHABLE");
    assert.match(String(line?.["remedy"]), /receiver\.url/);
    assert.match(JSON.stringify(line), /ECONNRESET/);
    assert.doesNotMatch(JSON.stringify(line), /DOE|stack|at file/);
  });

  test("a fault is logged under its own code, whatever its facts are called", () => {
    const [line] = linesOf(`
      const facts = { code: identifierFrom("UNKNOWN_AGENT"), remedy: 1, level: 2, message: 3 };
      log.fault("tunnelLost", new AgentError("TUNNEL_REFUSED", facts));`);
    assert.deepEqual(
      [line?.["code"], line?.["level"], line?.["message"]],
      ["TUNNEL_REFUSED", "warn", "tunnelLost"],
    );
    assert.match(JSON.stringify(line), /UNKNOWN_AGENT/);
  });

  test("[PL1] [I-6] only facts can be logged: the compiler refuses a plain string", () => {
    const log: Log = silentLog;
    const name: string = "DOE";
    // @ts-expect-error A string that nobody has checked is no fact.
    log.write("listenerOpened", { reason: name });
    // @ts-expect-error Nor is an object, which may hold one.
    log.write("listenerOpened", { error: new Error(name) });
    // @ts-expect-error Nor bytes.
    log.write("listenerOpened", { body: Buffer.from(name) });
    // @ts-expect-error An event is one of the list.
    log.write(name, {});
    // @ts-expect-error A fault is one of the catalogue.
    log.fault("tunnelLost", new Error(name));
    const facts: Facts = { channel: identifierFrom(name), count: 1, seq: 1n, closing: true };
    log.write("listenerOpened", facts);
  });

  test("[PL2] the names of facts are a closed list, each with what it may be", () => {
    const log: Log = silentLog;
    const word = identifierFrom("DOE");
    // @ts-expect-error No such name, whatever it holds.
    log.write("listenerOpened", { patient: word });
    const facts = { channel: word, patient: word };
    // @ts-expect-error Nor by a variable, which may have more than its use shows.
    log.write("listenerOpened", facts);
    // @ts-expect-error A number is no name.
    log.write("listenerOpened", { bytes: word });
    // @ts-expect-error Nor is what is so or not.
    log.write("listenerOpened", { closing: word });
    // @ts-expect-error An error of the catalogue carries the same facts.
    new AgentError("AGENT_DEFECT", { text: word });
    // @ts-expect-error And so does an alarm.
    new Conditions().open("channelFull", "adt", { body: 1 }, 0);
    assert.equal(new Set(FACT_NAMES).size, FACT_NAMES.length);
    // Nothing of a message but MSH-10, which has a rule of its own (PL4).
    const ofMessages = /name|text|body|patient|field|segment|content|mrn|path|user|host/i;
    assert.deepEqual(
      FACT_NAMES.filter((fact) => ofMessages.test(fact)),
      [],
    );
  });

  test("[I-6] an identifier is 1 to 64 safe characters, and its refusal does not quote it", () => {
    for (const text of ["a", "MSH.10", "10.0.0.1:2575", "A".repeat(64), "a_b-c", "$outcomes"]) {
      assert.equal(identifierFrom(text), text);
    }
    for (const text of [
      "",
      "DOE JOHN",
      "DOE^JOHN",
      "a\nb",
      "é",
      "A".repeat(65),
      "$",
      "a$b",
      "$$a",
    ]) {
      assert.throws(
        () => identifierFrom(text),
        (error: Error) =>
          error instanceof RangeError && (text === "" || !error.message.includes(text)),
      );
    }
  });

  test("[PK7] a standard error that is closed ends nothing", () => {
    const program = `
      import { openLog } from "${ROOT}/agent/host/log.ts";
      const log = openLog();
      process.stderr.on("error", () => {});
      for (let i = 0; i < 200; i++) log.write("agentStarted", { i });
      setTimeout(() => process.exit(3), 50);`;
    const node = `"${process.execPath}" --input-type=module-typescript --eval '${program.replaceAll("'", "'\\''")}'`;
    const { status } = spawnSync("sh", ["-c", `${node} 2>&-`]);
    assert.equal(status, 3);
  });
});
