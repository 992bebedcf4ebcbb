/** Back into a drop folder where somebody is in the way: what is planted there keeps nobody from the others. */
import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { folderFault } from "#agent/folders/faults.ts";
import { Folder } from "#agent/folders/folder.ts";
import { DropFolder } from "#test/support/drop-folder.ts";

type Method = "link" | "rename" | "remove" | "sub";

/** As if this account had no right to do that with names that `denied` says. */
class Denied implements Disposable {
  readonly #originals: [Method, unknown][] = [];

  constructor(methods: readonly Method[], denied: (name: string) => boolean) {
    const prototype = Folder.prototype as unknown as Record<Method, (...a: unknown[]) => unknown>;
    for (const method of methods) {
      const original = prototype[method];
      this.#originals.push([method, original]);
      prototype[method] = function (this: Folder, ...asked) {
        if (denied(String(asked[0]))) throw folderFault(this.role, method, { code: "EACCES" });
        return original.apply(this, asked);
      };
    }
  }

  [Symbol.dispose](): void {
    for (const [method, original] of this.#originals) {
      Object.assign(Folder.prototype, { [method]: original });
    }
  }
}

describe("put back", () => {
  const WAYS: Readonly<Record<string, (folder: DropFolder) => void>> = {
    "a file": (folder) => void folder.drop("sub", "in the way"),
    "a link": (folder) => symlinkSync(folder.at("elsewhere"), folder.at("drop", "sub")),
    "a link to nothing": (folder) => symlinkSync("/there/is/no/such", folder.at("drop", "sub")),
  };
  for (const [what, plant] of Object.entries(WAYS)) {
    test(`[P20, P-A3, P-A4] where its subfolder has become ${what}, a file goes into the drop folder itself`, () => {
      using folder = new DropFolder({ recursive: true, completion: "controlFile" });
      for (const name of ["sub", "elsewhere"])
        mkdirSync(folder.at(name === "sub" ? "drop/sub" : name));
      folder.drop("x.hl7", "another");
      for (const name of ["sub/x.hl7", "sub/y.hl7"]) {
        for (const end of ["", ".ok"]) folder.drop(`${name}${end}`, name);
      }
      const [first, second] = folder.claim(folder.poll().candidates);
      assert.ok(first && second);
      rmSync(folder.at("drop", "sub"), { recursive: true });
      plant(folder);
      folder.methods.putBack([first]);
      assert.equal(folder.opened().strays([]), 2);
      const mark = first.claim.slice(0, 8);
      for (const [name, content] of [
        ["x.hl7", "another"],
        [`x_${mark}.hl7`, "sub/x.hl7"],
        [`x_${mark}.hl7.ok`, "sub/x.hl7"],
        ["y.hl7", "sub/y.hl7"],
        ["y.hl7.ok", "sub/y.hl7"],
      ] as const) {
        assert.equal(folder.text("drop", name), content);
      }
      assert.deepEqual(
        [folder.list("work"), existsSync(folder.at("elsewhere/x.hl7"))],
        [[], false],
      );
    });
  }

  test("[P20, P32] one that cannot go back is said, keeps nobody from the others, and is tried again", () => {
    using folder = new DropFolder();
    const [bad, good] = [folder.taken("bad.hl7"), folder.taken("good.hl7")];
    {
      using _denied = new Denied(["link", "rename"], (name) => name.includes("bad"));
      folder.methods.putBack([bad, good]);
      assert.deepEqual(folder.list("drop"), ["good.hl7"]);
      const told = [1, 2, 3].map(() => {
        folder.clock.advance(5_000);
        return folder.poll().troubles.unreadable;
      });
      const fault = { step: "link", folder: "work", sysCode: "EACCES" };
      assert.deepEqual(told, [
        { count: 1, fresh: 1, fault },
        { count: 1, fresh: 0, fault },
        { count: 1, fresh: 0, fault },
      ]);
    }
    folder.clock.advance(60_000);
    assert.equal(folder.poll().troubles.unreadable, undefined);
    assert.deepEqual([folder.list("drop"), folder.list("work")], [["bad.hl7", "good.hl7"], []]);
  });

  test("[P20, P33] where names cannot be linked nor renamed, no empty file stays", () => {
    using folder = new DropFolder();
    const claimed = folder.taken("a.hl7");
    const { link } = Folder.prototype;
    try {
      Folder.prototype.link = () => "refused";
      using _denied = new Denied(["rename"], () => true);
      folder.methods.putBack([claimed]);
    } finally {
      Folder.prototype.link = link;
    }
    assert.deepEqual(folder.list("drop"), []);
    assert.equal(folder.list("work").length, 1);
  });
});

describe("strays", () => {
  test("[P3, P19, P20] where this account may not delete, planted names of ours stop no start", () => {
    using folder = new DropFolder({ claimBy: "row" });
    const held = ".holdfast-0123456789abcdef.0.x.hl7";
    const probe = ".holdfast-probe-0123456789ab";
    for (const name of [held, probe]) {
      folder.drop(name);
      utimesSync(folder.at("drop", name), 1, 1);
    }
    writeFileSync(folder.at("work", "planted.hl7"), "planted");
    {
      using _denied = new Denied(["link", "rename", "remove"], (name) => name.startsWith("."));
      assert.equal(folder.methods.strays([]), 1);
      assert.deepEqual(folder.list("drop"), [held, probe, "planted.hl7"]);
      assert.equal(folder.poll().troubles.unreadable?.count, 1);
    }
    folder.clock.advance(60_000);
    folder.poll();
    assert.deepEqual(folder.list("drop"), [probe, "planted.hl7", "x.hl7"]);
  });

  test("[P20, P-A13] hundreds of one claim are not one's: each goes back by itself", () => {
    using folder = new DropFolder();
    folder.drop("0.hl7", "another");
    for (let at = 0; at < 450; at++) folder.drop(`.holdfast-0123456789abcdef.0.${at}.hl7`);
    assert.equal(folder.methods.strays([]), 450);
    const names = new Set(folder.list("drop"));
    for (let at = 1; at < 450; at++) assert.ok(names.has(`${at}.hl7`), `${at}`);
    assert.equal(names.size, 451);
  });

  test("[P20, P-A15, P-A23] a name that is planted in work leads nowhere but into the drop folder", () => {
    using folder = new DropFolder();
    const names = ["..%2Fplanted", "..%2F..%2Fplanted", "a%2F..%2F..%2Fplanted", "%2Fplanted"];
    for (const [at, name] of names.entries()) {
      writeFileSync(folder.at("work", `000000000000000${at}.d.${name}`), "planted");
    }
    assert.equal(folder.methods.strays([]), names.length);
    assert.equal(existsSync(folder.at("planted")), false);
    assert.equal(existsSync(join(folder.path, "../planted")), false);
    assert.equal(folder.list("drop").length, names.length);
    assert.equal(folder.complete().length, names.length);
  });

  test("[P51] a claim whose subfolder may not be read keeps nobody from where the others are", () => {
    using folder = new DropFolder({ recursive: true });
    mkdirSync(folder.at("drop", "sub"));
    const [first, second] = [folder.taken("sub/a.hl7"), folder.taken("b.hl7")];
    renameSync(
      folder.at("work", `${first.claim}.d.sub%2Fa.hl7`),
      folder.at("drop", "sub", "a.hl7"),
    );
    using _denied = new Denied(["sub"], (name) => name === "sub");
    const places = folder.methods.whereIs([first, second]).map(({ place }) => place);
    assert.deepEqual(places, ["nowhere", "work"]);
  });
});
