/** What doctor says of the unit (09 SV2, SV10). */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { judgeExposure, judgeUnit, judgeWritable } from "#agent/cli/doctor-service.ts";
import { dropInFor, pathsOf, toName, unitFiles } from "#agent/service/linux/drop-ins.ts";
import { OwnRoot } from "#test/support/own-root.ts";
import { programFile } from "#test/support/programs.ts";

const UNIT = readFileSync(join(import.meta.dirname, "../../../installer/linux/holdfast.service"));
const DROP_IN = "/etc/systemd/system/holdfast.service.d/20-folders.conf";

test("[SV2] doctor prints the drop-in for the folders of channels; with it in place nothing is missing", (t) => {
  const root = OwnRoot.make();
  if (typeof root === "string") return t.skip(root);
  using _ = root;
  const put = (path: string, content: string | Uint8Array): void => {
    mkdirSync(dirname(root.at(path)), { recursive: true });
    writeFileSync(root.at(path), content);
  };
  mkdirSync(root.at("/var/hl7 here/in"), { recursive: true });
  const more = (folder: string): string => `stateDir: /var/lib/holdfast
receiver: { url: "wss://127.0.0.1:1" }
channels:
  - { name: lab, kind: file-drop, folder: "${folder}", completion: rename }
`;
  const holdfast = [process.execPath, programFile("agent/main.ts")];
  const doctor = (): { name: string; verdict: string; remedy?: string }[] => {
    const { out, errors } = root.run([...holdfast, "doctor", "--json"]);
    assert.equal(errors, "");
    const { checks } = JSON.parse(out);
    return checks.filter(({ section }: { section: string }) => section === "service");
  };
  put("/etc/holdfast/local.yaml", more("/var/hl7 here/in"));
  assert.deepEqual(doctor(), [], "no unit, nothing to say");
  put("/usr/lib/systemd/system/holdfast.service", UNIT);
  const missing = doctor().find(({ name }) => name === "folders");
  assert.equal(missing?.verdict, "warning");
  const lines =
    missing?.remedy
      ?.split("\n")
      .slice(1)
      .map((line) => line.trim()) ?? [];
  assert.deepEqual(lines, [
    "[Service]",
    // The folders beside the drop folder are not there yet.
    'ReadWritePaths=-"/var/hl7 here"',
    'NoExecPaths=-"/var/hl7 here"',
  ]);
  put(DROP_IN, `${lines.join("\n")}\n`);
  assert.equal(doctor().find(({ name }) => name === "folders")?.verdict, "ok");
  put("/etc/holdfast/local.yaml", more("/home/lab/in"));
  const hidden = doctor().find(({ name }) => name === "folders");
  assert.match(hidden?.remedy ?? "", /below \/srv/);
});

test("[SV10] a copy of the unit that hides the packaged one is named", () => {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-units-"));
  try {
    const [own, packaged] = [join(folder, "etc"), join(folder, "usr")];
    for (const one of [own, packaged]) mkdirSync(one);
    assert.deepEqual(unitFiles([own, packaged]), { used: undefined, hidden: undefined });
    writeFileSync(join(packaged, "holdfast.service"), UNIT);
    const used = join(packaged, "holdfast.service");
    assert.deepEqual(unitFiles([own, packaged]), { used, hidden: undefined });
    assert.equal(judgeUnit(used, undefined).verdict, "ok");
    assert.ok(pathsOf("NoExecPaths", [own, packaged]).includes("/var/lib/holdfast"));
    const copy = join(own, "holdfast.service");
    writeFileSync(copy, "[Service]\nReadWritePaths=/everything\n");
    assert.deepEqual(unitFiles([own, packaged]), { used: copy, hidden: used });
    assert.deepEqual(pathsOf("NoExecPaths", [own, packaged]), [], "the copy counts");
    const found = judgeUnit(copy, used);
    assert.equal(found.verdict, "warning");
    assert.match(found.remedy ?? "", /drop-in/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("[SV2] what may be written may not be run; a path inside another is named once", () => {
  const paths = ["/srv/a/in", "/srv/b"];
  const named = { writable: ["/srv/a", "/srv/b"], noExec: ["/", "/srv/a"] };
  assert.equal(judgeWritable(paths, named).verdict, "warning", "/srv/b could be run from");
  const both = { writable: named.writable, noExec: [...named.noExec, "/srv/b"] };
  assert.equal(judgeWritable(paths, both).verdict, "ok");
  assert.equal(judgeWritable(["/tmp/in"], both).verdict, "warning");
  assert.deepEqual(toName(["/usr", "/usr/lib", "/none"]), ["/none", "/usr"]);
  assert.match(dropInFor(["/srv/50%"]), /ReadWritePaths=-\/srv\/50%%$/m);
});

test("[09 3] an exposure of more than 1.5 is a warning", () => {
  assert.equal(judgeExposure(1.1).verdict, "ok");
  assert.equal(judgeExposure(1.6).verdict, "warning");
});
