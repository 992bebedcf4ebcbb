import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, test } from "node:test";
import { type InitOptions, init, initKey } from "#agent/cli/init.ts";
import { createKek, loadKek } from "#agent/sealing/kek.ts";
import { loadLocalConfig } from "#config/local.ts";
import { SmallDisk } from "#test/support/small-disk.ts";

const MIB = 1_048_576;
const GIB = 1_024 * MIB;

class Folder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), "holdfast-init-"));
  readonly config = join(this.path, "local.yaml");
  readonly kek = join(this.path, "kek", "holdfast.kek");

  /** Runs `init`. @returns the lines that it printed */
  init(changed: Partial<InitOptions> = {}): string[] {
    const lines: string[] = [];
    const { log } = console;
    console.log = (text: string) => lines.push(...text.split("\n"));
    try {
      const options = {
        config: this.config,
        stateDir: "state",
        receiver: "wss://gateway.example.org",
        port: 2_575,
        custody: "file" as const,
        account: undefined,
        json: false,
      };
      assert.equal(init({ ...options, ...changed }), 0);
    } finally {
      console.log = log;
    }
    return lines;
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

const modeOf = (path: string): number => statSync(path).mode & 0o777;

describe("holdfast init", () => {
  test("[S21] writes a local.yaml that can be read, and the KEK that it names, private and usable", () => {
    using folder = new Folder();
    const said = folder.init().join("\n");
    const { kek, stateDir } = loadLocalConfig(folder.config);
    assert.deepEqual(kek, { custody: "file", file: folder.kek });
    assert.equal(loadKek({ custody: "file", file: folder.kek }, stateDir).current.length, 32);
    assert.deepEqual([modeOf(folder.kek), modeOf(folder.config)], [0o400, 0o640]);
    assert.ok(said.includes(`Made the key-encryption key ${folder.kek}`), said);
    assert.match(said, /if it is lost, they are lost.*offline/s);
    assert.ok(!said.includes(readFileSync(folder.kek, "utf8").trim()), "and not the key itself");
  });

  test("[S21] the KEK of a store that is there is kept", () => {
    using folder = new Folder();
    createKek(folder.kek);
    const before = readFileSync(folder.kek);
    const [said = ""] = folder.init({ json: true });
    assert.deepEqual((JSON.parse(said) as Record<string, unknown>)["kekMade"], false);
    assert.ok(readFileSync(folder.kek).equals(before));
  });

  test("[S21] beside a local.yaml that is there nothing is written or made", () => {
    using folder = new Folder();
    writeFileSync(folder.config, "mine");
    assert.throws(() => folder.init(), { code: "FILE_EXISTS" });
    assert.equal(readFileSync(folder.config, "utf8"), "mine");
    assert.deepEqual(readdirSync(folder.path), ["local.yaml"]);
  });

  test("[R06] --key makes the key that a local.yaml names which is there, and none beside what is sealed", () => {
    using folder = new Folder();
    folder.init();
    rmSync(folder.kek);
    const key = (): number => initKey({ config: folder.config, account: undefined, json: true });
    const sealed = join(folder.path, "state/identity/slot-1/tls.key");
    mkdirSync(dirname(sealed), { recursive: true });
    writeFileSync(sealed, "");
    assert.throws(key, { code: "KEK_MISSING" });
    assert.equal(existsSync(folder.kek), false);
    rmSync(sealed);
    assert.equal(key(), 0);
    assert.equal(modeOf(folder.kek), 0o400);
    const before = readFileSync(folder.kek);
    writeFileSync(sealed, "");
    assert.equal(key(), 0, "one that is there is kept");
    assert.ok(readFileSync(folder.kek).equals(before));
  });

  test("a folder that is not there is not made", () => {
    using folder = new Folder();
    const config = join(folder.path, "absent", "local.yaml");
    const expected = { code: "FILE_NOT_WRITABLE", facts: { sysCode: "ENOENT" } };
    assert.throws(() => folder.init({ config }), expected);
    assert.deepEqual(readdirSync(folder.path), []);
  });

  test("[S12] the disk budget is 80 % of what is free where the store will be, at most 20 GiB", () => {
    using folder = new Folder();
    folder.init();
    const { bavail, bsize } = statfsSync(folder.path);
    const { diskBudgetBytes } = loadLocalConfig(folder.config);
    const expected = Math.max(256 * MIB, Math.min(20 * GIB, bavail * bsize * 0.8));
    // Others write to this disk meanwhile.
    assert.ok(Math.abs(diskBudgetBytes - expected) < GIB, `${diskBudgetBytes}, not ${expected}`);
  });

  test("[S12] on a disk of 1 GiB it is 80 % of that, though its folders are not there yet", (t) => {
    const disk = SmallDisk.make(GIB);
    if (typeof disk === "string") return t.skip(disk);
    using _ = disk;
    using folder = new Folder();
    folder.init({ stateDir: join(disk.path, "not", "yet") });
    const { diskBudgetBytes } = loadLocalConfig(folder.config);
    assert.equal(diskBudgetBytes, Math.floor((0.8 * GIB) / MIB) * MIB);
  });

  test("[S12] on a disk that is too small it is the least that local.yaml may say", (t) => {
    const disk = SmallDisk.make(8 * MIB);
    if (typeof disk === "string") return t.skip(disk);
    using _ = disk;
    using folder = new Folder();
    mkdirSync(disk.stateDir);
    folder.init({ stateDir: disk.stateDir });
    assert.equal(loadLocalConfig(folder.config).diskBudgetBytes, 256 * MIB);
  });
});
