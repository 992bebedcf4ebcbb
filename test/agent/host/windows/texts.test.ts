/** What Windows is told and tells, as texts and bytes: shown on any system (09 section 4). */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import koffi from "koffi";
import { eventOf } from "#agent/cli/windows-events.ts";
import { accessFlaw, folderSecurity, pipeSecurity } from "#agent/host/windows/access-list.ts";
import { jobLimits } from "#agent/host/windows/hardening.ts";
import { imagePath, placesOf, serviceSid } from "#agent/host/windows/names.ts";
import { configLevels } from "#agent/host/windows/service-config.ts";

const SERVICE = serviceSid("Holdfast");
const USER = "S-1-5-21-1-2-3-1001";
const OURS = { writers: [SERVICE], isPublic: false };

describe("texts of Windows", () => {
  test("[PK21] a service's SID is made of its name: that of TrustedInstaller is known", () => {
    assert.equal(
      serviceSid("trustedinstaller"),
      "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464",
    );
  });

  test("[SV14] both paths of the command are quoted", () => {
    const { config, state } = placesOf("D:\\My Data\\Holdfast\\local.yaml");
    assert.equal(
      imagePath("C:\\Program Files\\Holdfast\\holdfast.exe", config),
      '"C:\\Program Files\\Holdfast\\holdfast.exe" run --service --config "D:\\My Data\\Holdfast\\local.yaml"',
    );
    assert.equal(state, "D:\\My Data\\Holdfast\\state");
  });

  test("[SV16] the lists that we make say what 09 says, and are found right", () => {
    assert.equal(
      folderSecurity([SERVICE], "read"),
      `O:BAG:BAD:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;0x1200a9;;;${SERVICE})`,
    );
    for (const may of ["read", "modify"] as const) {
      assert.equal(accessFlaw(folderSecurity([SERVICE], may), OURS), undefined);
    }
    // The service may not write what it only reads.
    const publicly = { writers: [], isPublic: true };
    assert.equal(accessFlaw(folderSecurity([SERVICE], "read"), publicly), undefined);
    assert.equal(accessFlaw(folderSecurity([SERVICE], "modify"), publicly), "written");
  });

  test("[SV16] another owner, no list, and others who may write or read are found", () => {
    const flaws: readonly (readonly [string, string | undefined])[] = [
      [`O:${USER}D:(A;;FA;;;SY)`, "owner"],
      ["D:(A;;FA;;;SY)", "owner"],
      ["O:BA", "noList"],
      ["O:BAD:NO_ACCESS_CONTROL", "noList"],
      ["O:BAD:(A;OICI;FA;;;SY)(A;;0x1200a9;;;BU)", "read"],
      ["O:BAD:(A;;FR;;;WD)", "read"],
      ["O:BAD:(A;;0x100116;;;WD)", "written"],
      [`O:BAD:(A;;DCLC;;;${USER})`, "written"],
      ["O:SYD:(A;;GA;;;AU)", "written"],
      ["O:BAD:(A;;WD;;;BU)", "written"],
      ["O:BAD:(A;;??;;;BU)", "written"],
      ['O:BAD:(XA;;FA;;;WD;(@User.x=="y"))', "written"],
      // Denied, for children alone, of the system, or only that it is there.
      ["O:BAD:PAI(D;;FA;;;BU)(A;OICIIO;GA;;;CO)(A;OICIIO;GA;;;BU)(A;;FA;;;BA)", undefined],
      ["O:BAD:(A;;0x100000;;;BU)", undefined],
    ];
    for (const [sddl, flaw] of flaws) assert.equal(accessFlaw(sddl, OURS), flaw, sddl);
    assert.equal(
      accessFlaw("O:BAD:(A;;0x1200a9;;;BU)", { writers: [], isPublic: true }),
      undefined,
    );
  });

  test("[SV14, T-K20] what wine's manager does not keep: as bytes of winsvc.h", () => {
    const levels = configLevels(koffi, "restricted");
    const by = (name: string) => levels.find((one) => one.name === name);
    const numbers = (name: string) => by(name)?.content.readUInt32LE();
    assert.deepEqual(
      levels.map(({ level }) => level),
      [1, 2, 4, 3, 5, 6, 7],
    );
    assert.equal(numbers("failureFlag"), 1);
    assert.equal(numbers("delayedStart"), 1);
    assert.equal(numbers("sidType"), 3);
    assert.equal(
      configLevels(koffi, "unrestricted")
        .find(({ level }) => level === 5)
        ?.content.readUInt32LE(),
      1,
    );
    assert.equal(numbers("preshutdown"), 60_000);
    const failure = by("failureActions");
    assert.equal(failure?.content.readUInt32LE(0), 86_400);
    assert.equal(failure?.content.readUInt32LE(24), 3);
    const [, privileges, actions] = failure?.held ?? [];
    assert.equal(failure?.content.readBigUInt64LE(32), koffi.address(actions));
    assert.deepEqual(
      [...new Uint32Array(new Uint8Array(actions ?? []).buffer)],
      [1, 5_000, 1, 30_000, 1, 300_000],
    );
    assert.equal(privileges?.toString("utf16le"), "SeChangeNotifyPrivilege\0\0");
  });

  test("[SV18] the job: so many processes, 1 GiB together, and all ends with it: as the structure of winnt.h", () => {
    const size = "size_t";
    const basic = koffi.struct({
      ...{ processTime: "int64_t", jobTime: "int64_t", flags: "uint32_t" },
      ...{ workingSetLeast: size, workingSetMost: size, processes: "uint32_t" },
      ...{ affinity: size, priority: "uint32_t", scheduling: "uint32_t" },
    });
    const extended = koffi.struct({
      ...{ basic, io: koffi.array("uint64_t", 6), processMemory: size, jobMemory: size },
      ...{ peakProcessMemory: size, peakJobMemory: size },
    });
    const limits = jobLimits(3);
    assert.equal(limits.length, koffi.sizeof(extended));
    const found = koffi.decode(limits, extended);
    // JOB_OBJECT_LIMIT_ACTIVE_PROCESS, _JOB_MEMORY and _KILL_ON_JOB_CLOSE.
    assert.equal(found.basic.flags, 0x8 | 0x200 | 0x2000);
    assert.equal(found.basic.processes, 3);
    assert.equal(Number(found.jobMemory), 1_073_741_824);
    assert.equal(Number(found.processMemory), 0);
  });

  test("[SV19] the pipe's list names each account once, and nobody else", () => {
    assert.equal(
      pipeSecurity([SERVICE, SERVICE]),
      `D:P(A;;FA;;;SY)(A;;FA;;;BA)(A;;FA;;;${SERVICE})`,
    );
  });

  test("[SV17] start, stop, an end with its remedy and alarms are carried to the Event Log; nothing else", () => {
    const failed = `{"code":"STORE_LOCKED","facts":{"pid":7},"level":"error","message":"agentFailed","remedy":"Stop it","timestamp":"t"}`;
    assert.deepEqual(eventOf(failed), {
      level: "error",
      text: "Holdfast: agentFailed\ncode: STORE_LOCKED\nremedy: Stop it\npid: 7",
    });
    assert.equal(
      eventOf(`{"level":"warn","message":"alarmOpened","timestamp":"t"}`)?.level,
      "warn",
    );
    assert.equal(
      eventOf(`{"level":"info","message":"connectionOpened","timestamp":"t"}`),
      undefined,
    );
  });
});
