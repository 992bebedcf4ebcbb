/** What the receiver is shipped with: its package, its example of a configuration, its image (09 2.1). */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { receiverPackage } from "#installer/linux/receiver-contents.ts";
import { RECEIVER } from "#installer/programs.ts";
import { ROOT } from "#installer/root.ts";
import { runtimeOf } from "#installer/runtime.ts";
import { loadConfiguration } from "#receiver/configuration.ts";
import { programFile } from "#test/support/programs.ts";

const PROGRAM = "opt/holdfast-receiver/bin/holdfast-receiver";
const CONFIG = "/etc/holdfast-receiver/receiver.yaml";
const EXAMPLE = "installer/linux/receiver.yaml.example";
/** Of gcr.io/distroless/cc-debian12: glibc, and what its README adds to it. */
const IMAGE_LIBRARIES = ["libc", "libdl", "libm", "libpthread", "librt", "libgcc_s", "libstdc++"];

const read = (path: string): string => readFileSync(join(ROOT, path), "utf8");

const built = mkdtempSync(join(tmpdir(), "holdfast-built-"));
after(() => rmSync(built, { recursive: true, force: true }));
mkdirSync(join(built, "lib"));
for (const name of ["holdfast-receiver", ...RECEIVER.addOns.map((one) => `lib/0-${one}.node`)])
  writeFileSync(join(built, name), "");

function contents() {
  return receiverPackage(join(built, "holdfast-receiver"), "linux-x64", []);
}

test("[09 2.1] everything that the receiver's package names is there, and the unit starts what it brings", () => {
  const { files } = contents();
  for (const { from, path } of files) assert.ok(existsSync(from), `${path}: no ${from}`);
  const unit = read("installer/linux/holdfast-receiver.service");
  const [, started = ""] = /^ExecStart=(\S+) serve --config (\S+)$/m.exec(unit) ?? [];
  assert.equal(started, `/${PROGRAM}`);
  const executables = files.filter(({ mode }) => mode === 0o755).map(({ path }) => path);
  assert.deepEqual(executables, [PROGRAM]);
  const native = files.filter(({ path }) => path.startsWith("opt/holdfast-receiver/lib/"));
  assert.equal(native.length, 2, "the store's, and that of sd_notify");
  const accounts = read("installer/linux/holdfast-receiver-sysusers.conf");
  assert.match(accounts, /^u\s+holdfast-receiver\s/m);
});

/** As a file, with the lines of comments taken for settings where they are some. */
function loaded(text: string) {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-example-"));
  try {
    const path = join(folder, "receiver.yaml");
    writeFileSync(path, text);
    return loadConfiguration(path);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test("[09 2.1] the example of a configuration is valid, as it is and with everything that it has in comments", () => {
  const example = read(EXAMPLE);
  const { stateDir, store } = loaded(example);
  assert.deepEqual([stateDir, store.kind], ["/var/lib/holdfast-receiver", "sqlite"]);
  const whole = loaded(example.replaceAll(/^( *)# (?=( *)\w+:( |$))/gm, "$1"));
  assert.deepEqual([whole.store.kind, whole.listen.proxyProtocol], ["postgres", true]);
});

test("[09 2.1] so is each configuration in docs/receiver.md", () => {
  const blocks = [...read("docs/receiver.md").matchAll(/^( *)```yaml\n([\s\S]*?)^\1```$/gm)];
  const kinds = blocks.map(([, indent = "", text = ""]) => {
    return loaded(text.replaceAll(new RegExp(`^${indent}`, "gm"), "")).store.kind;
  });
  assert.deepEqual(kinds, ["sqlite", "postgres"]);
});

/** Instructions of a Containerfile, continuation lines joined. */
function instructions(): readonly (readonly [string, string])[] {
  const text = read("installer/container/Containerfile").replaceAll("\\\n", " ");
  const lines = text.split("\n").filter((line) => line.trim() !== "" && !line.startsWith("#"));
  return lines.map((line) => {
    const [, name = "", rest = ""] = /^([A-Z]+) +(.*)$/.exec(line) ?? [];
    assert.notEqual(name, "", `no instruction: ${line}`);
    return [name, rest.replaceAll(/ +/g, " ")];
  });
}

const commandOf = (rest: string): string[] => JSON.parse(rest.slice(rest.indexOf("[")));

test("[09 1.3] the image has what the package has, is nobody's to write, and asks the program itself how it is", () => {
  const all = instructions();
  const only = (name: string): string => {
    const found = all.filter(([one]) => one === name);
    assert.equal(found.length, 1, name);
    return found[0]?.[1] ?? "";
  };
  const [, source = "", target = ""] = only("COPY").split(" ");
  assert.equal(target, `/${source}`);
  assert.ok(contents().files.some(({ path }) => path.startsWith(`${source}/lib/`)));
  assert.match(only("COPY"), /^--chown=0:0 /);
  assert.match(only("USER"), /^[1-9]\d*:[1-9]\d*$/);
  assert.deepEqual(commandOf(only("ENTRYPOINT")), [`/${PROGRAM}`]);
  assert.deepEqual(commandOf(only("CMD")), ["serve", "--config", CONFIG]);
  const check = commandOf(only("HEALTHCHECK"));
  assert.deepEqual(check, [`/${PROGRAM}`, "status", "--config", CONFIG]);
  const { listen, stateDir } = loaded(read(EXAMPLE));
  assert.equal(only("EXPOSE"), `${listen.port}`);
  assert.deepEqual(JSON.parse(only("VOLUME")), [stateDir]);
  assert.ok(!all.some(([name]) => name === "RUN"), "there is no shell");
  for (const [command = "", ...flags] of [check.slice(1), commandOf(only("CMD"))]) {
    const main = programFile("receiver/main.ts");
    const help = execFileSync(process.execPath, [main, command, "--help"], { encoding: "utf8" });
    for (const flag of flags.filter((one) => one.startsWith("--"))) {
      assert.ok(help.includes(`${flag} <`), `${command} has no ${flag}`);
    }
  }
});

test("[09 1.3] the image's base has every library that the program and its native code ask for", () => {
  const { node, addOns } = runtimeOf("linux-x64");
  for (const path of [node, ...Object.values(addOns)]) {
    const said = execFileSync("readelf", ["-d", join(ROOT, path.replace(`${ROOT}/`, ""))], {
      encoding: "utf8",
    });
    const needed = [...said.matchAll(/Shared library: \[([^\]]+)\]/g)].map(([, name = ""]) => name);
    assert.ok(needed.length > 0, path);
    for (const name of needed.filter((one) => !one.startsWith("ld-linux"))) {
      const [library = ""] = name.split(".so", 1);
      assert.ok(IMAGE_LIBRARIES.includes(library), `${path} needs ${name}`);
    }
  }
});
