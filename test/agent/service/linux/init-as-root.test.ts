/** `holdfast init` as root: what it makes can be used by the service, and not be changed by it (09 2.1, SV9). */
import assert from "node:assert/strict";
import { appendFileSync, cpSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, test } from "node:test";
import { AgentFolder } from "#test/support/agent-folder.ts";
import { OwnRoot } from "#test/support/own-root.ts";
import { Started } from "#test/support/processes.ts";
import { programFile } from "#test/support/programs.ts";

const CONFIG = "/etc/holdfast/local.yaml";
const KEK = "/etc/holdfast/kek/holdfast.kek";
const STATE = "/var/lib/holdfast";
const CREDENTIAL = "/etc/credstore.encrypted/holdfast.kek";
const IDENTITY = `
identity:
  certificate: /var/identity/agent.crt
  key: /var/identity/agent.key
  receiverCa: /var/identity/receiver-ca.crt
`;
const HOLDFAST = [process.execPath, programFile("agent/main.ts")];
const PAGE = join(import.meta.dirname, "../../../../docs/linux-service.md");
const SYSUSERS = join(import.meta.dirname, "../../../../installer/linux/sysusers.conf");

/** A machine on which the account has been made, as packages do. */
function machine(): OwnRoot | string {
  const root = OwnRoot.make();
  if (typeof root === "string") return root;
  const { status, errors } = root.run(["systemd-sysusers", SYSUSERS]);
  if (status === 0) return root;
  root[Symbol.dispose]();
  return `not tested: what init hands over; no account can be made (${errors.trim()})`;
}

const holdfast = (root: OwnRoot, ...args: readonly string[]) => root.run([...HOLDFAST, ...args]);

/** As `ls` would show it: mode, owner, group. */
function shown(root: OwnRoot, path: string): string {
  const { out, errors } = root.run(["stat", "-c", "%a %U:%G", path]);
  assert.equal(errors, "");
  return out.trim();
}

/** The command as the service's account. */
const asService = (root: OwnRoot, ...command: readonly string[]): readonly string[] =>
  root.inside([
    ...["setpriv", "--reuid=holdfast", "--regid=holdfast", "--clear-groups", "--no-new-privs"],
    ...command,
  ]);

describe("holdfast init as root", () => {
  test("[09 2.1] [PK17] the service reads its configuration and cannot write it; state and key are its own: it runs", async (t) => {
    const root = machine();
    if (typeof root === "string") return t.skip(root);
    using _ = root;
    const made = holdfast(root, "init", "--port", "0");
    assert.equal(made.status, 0, made.errors);
    assert.equal(shown(root, dirname(CONFIG)), "750 root:holdfast");
    assert.equal(shown(root, CONFIG), "640 root:holdfast");
    assert.equal(shown(root, dirname(KEK)), "700 holdfast:holdfast");
    assert.equal(shown(root, KEK), "400 holdfast:holdfast");
    assert.equal(shown(root, STATE), "700 holdfast:holdfast");
    assert.match(made.out, /Handed them, and the state directory, to holdfast/);
    assert.match(made.out, /sudo -u holdfast holdfast enroll/);
    await using agent = new Started(asService(root, ...HOLDFAST, "run", "--config", CONFIG));
    assert.equal((await agent.ended).code, 78);
    assert.match(agent.errors, /\[IDENTITY_/, "nothing but its enrolment is missing");
    const script = `touch ${STATE}/x ${dirname(KEK)}/x && ! touch ${CONFIG} && ! touch ${dirname(CONFIG)}/x`;
    await using tried = new Started(asService(root, "sh", "-c", script));
    assert.equal((await tried.ended).code, 0, tried.errors);
  });

  test("[09 2.1] what is there is kept, and handed over as well; links, and a state folder in use, are not followed", (t) => {
    const root = machine();
    if (typeof root === "string") return t.skip(root);
    using _ = root;
    const before = "mkdir -p /etc/holdfast/kek && chmod 700 /etc/holdfast/kek";
    const victim = "touch /etc/victim && ln /etc/victim /etc/holdfast/kek/holdfast.kek";
    root.run(["sh", "-c", `${before} && ${victim} && mkdir -p ${STATE} && touch ${STATE}/used`]);
    const made = holdfast(root, "init");
    assert.equal(made.status, 0, made.errors);
    assert.match(made.out, /Kept the key/);
    assert.equal(shown(root, "/etc/victim"), "644 root:root", "it has another name");
    assert.match(made.out, /chown -R holdfast: \/var\/lib\/holdfast$/m);
    assert.match(shown(root, STATE), /root:root/);
    assert.equal(shown(root, "/etc/holdfast"), "750 root:holdfast");
    const again = holdfast(root, "init");
    assert.match(again.errors, /\[FILE_EXISTS\]/);
  });

  test("[09 2.1] a file that is not the service's stays with root, unless an account is named", (t) => {
    const root = machine();
    if (typeof root === "string") return t.skip(root);
    using _ = root;
    root.run(["mkdir", "/var/trial"]);
    const trial = ["init", "--config", "/var/trial/local.yaml", "--state-dir", "state"];
    assert.equal(holdfast(root, ...trial).status, 0);
    assert.equal(shown(root, "/var/trial/local.yaml"), "640 root:root");
    assert.equal(root.has("/var/trial/state"), false);
    const other = ["init", "--config", "/var/other/local.yaml", "--state-dir", "state"];
    assert.match(
      holdfast(root, ...other, "--account", "nobody-knows").errors,
      /\[ACCOUNT_ABSENT\]/,
    );
    assert.equal(root.has("/var/other"), false);
    assert.equal(holdfast(root, ...other, "--account", "holdfast").status, 0);
    assert.equal(shown(root, "/var/other"), "750 root:holdfast");
    assert.equal(shown(root, "/var/other/state"), "700 holdfast:holdfast");
    const asNobody = ["setpriv", "--reuid=65534", "--clear-groups"];
    const { status, errors } = root.run([
      ...asNobody,
      ...HOLDFAST,
      ...trial,
      "--account",
      "holdfast",
    ]);
    assert.match(errors, /\[NOT_ROOT\]/);
    assert.equal(status, 77);
  });
});

describe("custody of a credential", () => {
  test("[SV9] [T-K16] init seals the key to this machine and has the unit load it; the agent runs on what systemd would show it, and on nothing else", async (t) => {
    const root = machine();
    if (typeof root === "string") return t.skip(root);
    using _ = root;
    const made = holdfast(root, "init", "--custody", "credential");
    if (/CREDENTIALS_UNSUPPORTED/.test(made.errors)) {
      return t.skip("not tested: credentials; systemd is older than 250");
    }
    assert.equal(made.status, 0, made.errors);
    assert.equal(shown(root, CREDENTIAL), "600 root:root");
    const dropIn = "/etc/systemd/system/holdfast.service.d/10-kek.conf";
    const loads = `\n[Service]\nLoadCredentialEncrypted=kek:${CREDENTIAL}\n`;
    assert.ok(readFileSync(root.at(dropIn), "utf8").endsWith(loads));
    assert.equal(root.has(KEK), false);
    const [clear, other] = ["/run/credentials", "/run/others"];
    const open = `systemd-creds decrypt --name=kek ${CREDENTIAL}`;
    // As systemd does it: a folder that the account may look into, a file that it may read.
    const show = `mkdir -p ${clear} ${other} && ${open} ${clear}/kek && chown -R holdfast: ${clear} && chmod 500 ${clear} && chmod 400 ${clear}/kek`;
    assert.equal(root.run(["sh", "-c", show]).status, 0);
    const key = readFileSync(root.at(`${clear}/kek`), "utf8");
    assert.match(key, /^[0-9a-f]{64}\n$/);
    assert.ok(!readFileSync(root.at(CREDENTIAL), "latin1").includes(key.trim()));
    assert.ok(!made.out.includes(key.trim()), "and nobody was told it");
    using imported = await AgentFolder.make();
    cpSync(join(imported.path, "agent/identity"), root.at("/var/identity"), { recursive: true });
    appendFileSync(root.at(CONFIG), IDENTITY);
    writeFileSync(root.at(`${other}/kek`), `${"5".repeat(64)}\n`, { mode: 0o400 });
    root.run(["chown", "-R", "holdfast:", "/var/identity", other]);
    const run = (folder: string): Started => {
      const env = `CREDENTIALS_DIRECTORY=${folder}`;
      return new Started(asService(root, "env", env, ...HOLDFAST, "run", "--config", CONFIG));
    };
    await using started = run(clear);
    assert.match(await started.ready(), /"accepting"/);
    assert.equal((await started.end("SIGTERM")).code, 0, started.errors);
    const refused: [string, RegExp][] = [
      ["/run/absent", /\[KEK_MISSING\]/],
      [other, /\[KEK_WRONG\]/],
    ];
    for (const [folder, expected] of refused) {
      await using agent = run(folder);
      assert.equal((await agent.ended).code, 78);
      assert.match(agent.errors, expected);
    }
    const wrong = `${open.replace("--name=kek", "--name=else")} - 2>&1`;
    assert.notEqual(root.run(["sh", "-c", wrong]).status, 0, "under another name it does not open");
  });

  test("[08 2.3] the steps of docs/linux-service.md put a new key beside the one before", (t) => {
    const root = machine();
    if (typeof root === "string") return t.skip(root);
    using _ = root;
    const made = holdfast(root, "init", "--custody", "credential");
    if (/CREDENTIALS_UNSUPPORTED/.test(made.errors)) {
      return t.skip("not tested: credentials; systemd is older than 250");
    }
    const opened = (name: string): string =>
      root.run([
        "systemd-creds",
        "decrypt",
        `--name=${name}`,
        `/etc/credstore.encrypted/holdfast.${name}`,
        "-",
      ]).out;
    const before = opened("kek");
    const [, steps = ""] =
      /### A new key[\s\S]*?```sh\n([\s\S]*?)```/.exec(readFileSync(PAGE, "utf8")) ?? [];
    const done = root.run(["sh", "-e", "-c", steps]);
    assert.equal(done.status, 0, done.errors);
    assert.equal(opened("kek-previous"), before);
    assert.match(opened("kek"), /^[0-9a-f]{64}\n$/);
    assert.notEqual(opened("kek"), before);
    assert.ok(root.has("/etc/systemd/system/holdfast.service.d/11-kek-previous.conf"));
  });

  test("[SV9] [R06] a credential that is there is kept; none is made beside what is sealed, nor by others than root", (t) => {
    const root = machine();
    if (typeof root === "string") return t.skip(root);
    using _ = root;
    const credential = ["init", "--custody", "credential"];
    root.run(["sh", "-c", `mkdir -p ${STATE}/keys && touch ${STATE}/keys/1.key`]);
    const lost = holdfast(root, ...credential);
    if (/CREDENTIALS_UNSUPPORTED/.test(lost.errors)) {
      return t.skip("not tested: credentials; systemd is older than 250");
    }
    assert.match(lost.errors, /\[KEK_MISSING\]/);
    assert.equal(root.has(CREDENTIAL), false);
    root.run(["rm", "-r", STATE]);
    assert.equal(holdfast(root, ...credential).status, 0);
    const before = readFileSync(root.at(CREDENTIAL));
    root.run(["rm", CONFIG]);
    assert.match(holdfast(root, ...credential).out, /Kept the key-encryption key/);
    assert.ok(readFileSync(root.at(CREDENTIAL)).equals(before));
    root.run(["rm", CONFIG]);
    const nobody = ["setpriv", "--reuid=65534", "--clear-groups", ...HOLDFAST, ...credential];
    assert.match(root.run(nobody).errors, /\[NOT_ROOT\]/);
  });
});
