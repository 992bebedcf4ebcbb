/** Setup.exe and the MSI, under wine, without a console: installed, upgraded, removed (09 PK19 to PK21). */
import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { layOut } from "#installer/windows/layout.ts";
import { makeMsi } from "#installer/windows/msi.ts";
import { makeSetup } from "#installer/windows/setup.ts";
import { until } from "#test/support/processes.ts";
import {
  PROGRAM,
  type Said,
  sendTo,
  WindowsMachine,
  WindowsProgram,
  waitingOn,
} from "#test/support/windows-machine.ts";
import { toolMissing } from "#test/support/windows-tools.ts";
import { wineInside, wineMissing } from "#test/support/wine.ts";

const missing = wineMissing() || toolMissing("makensis", "wixl", "msibuild");
const skip = missing === false ? false : `not tested under wine: ${missing}`;

interface Package {
  readonly install: (machine: WindowsMachine, version: string, start: boolean) => Promise<Said>;
  readonly remove: (machine: WindowsMachine) => Promise<Said>;
}
const NOTICES = "THIRD-PARTY-NOTICES.txt";

describe("packages for Windows, under wine", { skip }, () => {
  const work = mkdtempSync(join(tmpdir(), "holdfast-packages-"));
  after(() => rmSync(work, { recursive: true, force: true }));

  test("[T-K19, PK19, PK20, PK21] setup.exe and the MSI install, upgrade over a service that runs, and leave the state", async (t) => {
    using program = await WindowsProgram.build();
    const papers = [join(work, NOTICES), join(work, "holdfast.cdx.json")];
    for (const paper of papers) writeFileSync(paper, "What is inside.\n");
    const files = layOut(program.made, papers, join(work, "layout"));
    const made = new Map<string, string>();
    for (const version of ["1.0.0", "1.0.1"]) {
      made.set(`setup ${version}`, makeSetup(files, work, { version, packing: "fast" }));
      made.set(`msi ${version}`, makeMsi(files, work, work, version));
    }
    await t.test("[PK13, T-K09] made again in another folder they are the same", () => {
      const other = join(work, "again");
      mkdirSync(other);
      const again = layOut(program.made, papers, join(other, "layout"));
      const version = "1.0.0";
      const files = {
        setup: makeSetup(again, other, { version, packing: "fast" }),
        msi: makeMsi(again, other, other, version),
      };
      for (const [name, path] of Object.entries(files)) {
        const first = readFileSync(made.get(`${name} ${version}`) ?? "");
        assert.ok(first.equals(readFileSync(path)), name);
      }
    });
    const file = (name: string): string => wineInside(made.get(name) ?? "");
    const packages: Readonly<Record<string, Package>> = {
      "setup.exe": {
        install: (machine, version, start) =>
          machine.command(
            file(`setup ${version}`),
            "/S",
            `/CONFIG=${wineInside(machine.preparedConfig)}`,
            ...(start ? [] : ["/NOSTART"]),
          ),
        // A copy of it goes on when it has returned.
        remove: (machine) => machine.command("C:\\Program Files\\Holdfast\\uninstall.exe", "/S"),
      },
      MSI: {
        install: (machine, version, start) =>
          machine.command(
            "msiexec.exe",
            "/i",
            file(`msi ${version}`),
            "/qn",
            "/norestart",
            `CONFIG=${wineInside(machine.preparedConfig)}`,
            ...(start ? [] : ["STARTOPTION=--no-start"]),
          ),
        remove: (machine) => machine.command("msiexec.exe", "/x", file("msi 1.0.1"), "/qn"),
      },
    };
    for (const [name, { install, remove }] of Object.entries(packages)) {
      await t.test(name, async () => {
        using machine = await WindowsMachine.make();
        const installed = await install(machine, "1.0.0", false);
        assert.equal(installed.code, 0, JSON.stringify(installed));
        assert.ok(existsSync(join(machine.data, "local.yaml")), "local.yaml was not taken over");
        assert.match(await stateOf(machine), /"state":"stopped"/);
        // The key and the identity of the prepared configuration.
        machine.configure();
        assert.equal((await machine.holdfast("service", "start")).code, 0);
        await sendTo(machine, "BEFORE");

        const upgraded = await install(machine, "1.0.1", true);
        assert.equal(upgraded.code, 0, JSON.stringify(upgraded));
        assert.match(await stateOf(machine), /running/);
        await sendTo(machine, "AFTER");
        assert.equal(await waitingOn(machine), 2);

        const programs = join(machine.wine.drive, "Program Files/Holdfast");
        assert.ok(existsSync(join(programs, "doc", NOTICES)), "licences are not there");
        const removed = await remove(machine);
        assert.equal(removed.code, 0, JSON.stringify(removed));
        await until("the program is gone", () => !existsSync(programs));
        assert.deepEqual(readdirSync(machine.data).includes("logs"), false);
        assert.ok(existsSync(join(machine.data, "state/outbox")), "the store is gone");
        const { printed } = await machine.command(
          "reg.exe",
          "query",
          "HKLM\\SYSTEM\\CurrentControlSet\\Services\\Holdfast",
        );
        assert.match(printed, /Unable to find/);
      });
    }
  });
});

async function stateOf(machine: WindowsMachine): Promise<string> {
  const { printed } = await machine.command(PROGRAM, "service", "status", "--json");
  return printed;
}
