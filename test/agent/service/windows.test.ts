/**
 * The service on Windows, under wine: registered, started, stopped, killed (09 section 4). What wine does not do is in
 * docs/install-windows.md.
 *
 * @module
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { describe, test } from "node:test";
import {
  PROGRAM,
  sendTo,
  WindowsMachine,
  WindowsProgram,
  waitingOn,
} from "#test/support/windows-machine.ts";
import { wineMissing } from "#test/support/wine.ts";

/** T-K18 has 25 cycles: `npm run soak:windows-service`. */
const CYCLES = Number(process.env["HOLDFAST_SERVICE_CYCLES"] ?? 3);
const missing = wineMissing();
const skip = missing === false ? false : `not tested under wine: ${missing}`;

describe("the service on Windows, under wine", { skip }, () => {
  test("[T-K18, T-K20, SV11, SV12] it is registered as written, starts, stops, is killed, and loses nothing", async (t) => {
    using program = await WindowsProgram.build();
    using machine = await WindowsMachine.make();
    machine.place(program);

    await t.test("[SV11] started by hand it says what to type", async () => {
      const { code, printed } = await machine.holdfast("run", "--service");
      assert.equal(code, 64, printed);
      assert.match(printed, /holdfast service start[\s\S]*holdfast run/);
    });

    await t.test("[SV14] the registration is that of 09, and the path is quoted", async () => {
      for (const _twice of [1, 2]) {
        const { code, printed } = await machine.holdfast("service", "install");
        assert.equal(code, 0, printed);
        assert.match(printed, /Next: holdfast init/);
      }
      assert.deepEqual(await registryOf(machine, "SYSTEM\\CurrentControlSet\\Services\\Holdfast"), {
        Description:
          "Takes HL7 messages from this hospital's systems, keeps them, and carries them to the receiver",
        DisplayName: "Holdfast gateway",
        Environment: "UV_THREADPOOL_SIZE=8",
        ErrorControl: "0x1",
        ImagePath: `"${PROGRAM}" run --service --config "C:\\ProgramData\\Holdfast\\local.yaml"`,
        ObjectName: "NT SERVICE\\Holdfast",
        PreshutdownTimeout: "0xea60",
        Start: "0x2",
        Type: "0x10",
      });
      const source = "SYSTEM\\CurrentControlSet\\Services\\EventLog\\Application\\Holdfast";
      assert.deepEqual(await registryOf(machine, source), {
        EventMessageFile: PROGRAM,
        TypesSupported: "0x7",
      });
    });

    await t.test("[SV12] without a configuration it ends with 78 and says why", async () => {
      const { code, printed } = await machine.holdfast("service", "start");
      assert.equal(code, 69, printed);
      assert.match(printed, /code=78/);
      assert.match(logOf(machine), /local\.yaml:1:1: there is no such file/);
    });

    await t.test("[08 2.2] init makes a key that Windows wraps", async () => {
      const { code, printed } = await machine.holdfast("init");
      assert.equal(code, 0, printed);
      assert.match(
        printed,
        /Made the key-encryption key C:\\ProgramData[\s\S]*on this machine alone/,
      );
      assertWrapped(machine);
      const config = readFileSync(join(machine.data, "local.yaml"), "utf8");
      assert.match(config, /^ {2}custody: dpapi /m);
      rmSync(machine.kek);
    });

    machine.configure("dpapi");
    await t.test(
      "[08 2.2] a key in clear stops the start with 78; init --key wraps it, and it stays the same",
      async () => {
        assert.match(readFileSync(machine.kek, "utf8"), IN_CLEAR);
        const { code, printed } = await machine.holdfast("service", "start");
        assert.equal(code, 69, printed);
        assert.match(printed, /code=78/);
        assert.match(logOf(machine), /KEK_NOT_WRAPPED[\s\S]*init --key/);
        const wrapped = await machine.holdfast("init", "--key");
        assert.equal(wrapped.code, 0, wrapped.printed);
        assert.match(wrapped.printed, /Wrapped the key[\s\S]*holdfast rekey/);
        assertWrapped(machine);
      },
    );

    await t.test(
      "[SV16] a state folder that others may read stops the start, and the next installation mends it",
      async () => {
        machine.share("state");
        assert.equal((await machine.holdfast("service", "start")).code, 69);
        assert.match(logOf(machine), /what=state, flaw=read/);
        const { code, printed } = await machine.holdfast("service", "install");
        assert.equal(code, 0, printed + logOf(machine));
        assert.match(printed, /Started: it runs/);
        assert.equal((await machine.holdfast("service", "stop")).code, 0);
      },
    );

    await t.test(`[T-K18] ${CYCLES} times it starts, takes a message, and stops`, async () => {
      for (let cycle = 1; cycle <= CYCLES; cycle++) {
        const started = await machine.holdfast("service", "start");
        assert.equal(started.code, 0, started.printed + logOf(machine));
        await sendTo(machine, `C${cycle}`);
        const stopped = await machine.holdfast("service", "stop");
        assert.equal(stopped.code, 0, stopped.printed);
      }
      assert.match(logOf(machine), /"message":"agentStopped"/);
    });

    await t.test(
      "[T-K18, 08 2.3] its key replaced, killed with all of its machine, it starts again, and every message is there",
      async () => {
        assert.equal((await machine.holdfast("service", "start")).code, 0);
        await sendTo(machine, "KILLED");
        const before = readFileSync(machine.kek);
        const { code, printed } = await machine.holdfast("rekey");
        assert.equal(code, 0, printed + logOf(machine));
        assert.match(printed, /The old one is gone/);
        assertWrapped(machine);
        assert.ok(!readFileSync(machine.kek).equals(before));
        assert.deepEqual(readdirSync(dirname(machine.kek)), [basename(machine.kek)]);
        machine.crash();
        assert.equal((await machine.holdfast("service", "start")).code, 0);
        assert.equal(await waitingOn(machine), CYCLES + 1);
      },
    );

    await t.test(
      "[08 2.2] doctor says how the key is kept; another machine's stops the start with 78, and nothing is made in its place",
      async () => {
        const { printed } = await machine.holdfast("doctor");
        assert.match(printed, /Found wrapped by Windows \(DPAPI\)/, printed);
        assert.equal((await machine.holdfast("service", "stop")).code, 0);
        const own = readFileSync(machine.kek);
        const others = Buffer.from(own);
        others.writeUInt8(others.readUInt8(others.length - 1) ^ 1, others.length - 1);
        writeFileSync(machine.kek, others);
        const { code, printed: said } = await machine.holdfast("service", "start");
        assert.equal(code, 69, said);
        assert.match(said, /code=78/);
        assert.match(logOf(machine), /wrapped on another machine[^\n]*\[KEK_NOT_UNWRAPPED\]/);
        assert.ok(readFileSync(machine.kek).equals(others));
        writeFileSync(machine.kek, own);
      },
    );

    await t.test(
      "[PK21] uninstalled while it does not run, its store stays, and it is said how much lies there",
      async () => {
        const { code, printed } = await machine.holdfast("service", "uninstall");
        assert.equal(code, 0, printed);
        assert.match(printed, new RegExp(`with ${CYCLES + 1} messages that are not settled`));
        const { printed: status } = await machine.holdfast("service", "status");
        assert.match(status, /not installed[\s\S]*Not verified on Windows/);
      },
    );
  });
});

const IN_CLEAR = /^[0-9a-f]{64}\n$/;

/** What Windows has wrapped says so, and the key is not in it. */
function assertWrapped(machine: WindowsMachine): void {
  const content = readFileSync(machine.kek);
  assert.ok(content.includes(Buffer.from("Holdfast key-encryption key", "utf16le")));
  assert.doesNotMatch(content.toString("latin1"), /[0-9a-f]{64}/i);
}

const logOf = (machine: WindowsMachine): string =>
  readFileSync(join(machine.data, "logs/holdfast.log"), "utf8");

async function registryOf(machine: WindowsMachine, key: string): Promise<object> {
  const { printed } = await machine.command("reg.exe", "query", `HKLM\\${key}`);
  const rows = printed.matchAll(/^ {4}(\w+) {4}REG_\w+ {4}(.*?)\r?$/gm);
  return Object.fromEntries([...rows].map(([, name, value]) => [name, value]));
}
