/** The receiver and the tool of those who sign, as executables (09 1.3), and the receiver as Debian installs it. */
import assert from "node:assert/strict";
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { makeDeb } from "#installer/linux/deb.ts";
import { receiverPackage } from "#installer/linux/receiver-contents.ts";
import { RECEIVER, SIGN_TOOL } from "#installer/programs.ts";
import { AGENT, makePair, type Pair } from "#scripts/make-pair.ts";
import { BuiltExecutable, canRun } from "#test/support/built-executable.ts";
import { Container, containerMissing } from "#test/support/container.ts";
import { adt, framed } from "#test/support/messages.ts";
import { MllpSocket } from "#test/support/mllp-socket.ts";
import { agentStatus, startAgent, until } from "#test/support/processes.ts";

const skip = canRun ? false : "the executables of Linux x64 do not run here";
/** One for both tests of it: it takes longer than they do. */
const receiver = canRun ? await BuiltExecutable.build(RECEIVER) : undefined;
after(() => receiver?.[Symbol.dispose]());

function builtReceiver(): BuiltExecutable {
  assert.ok(receiver !== undefined);
  return receiver;
}

/** One message, through an agent of the pair, until the receiver has it. */
async function sendOne(pair: Pair, controlId: string, count: number): Promise<void> {
  await using sender = await MllpSocket.open(pair.mllp.port);
  await sender.send(framed(adt(controlId)));
  await sender.acknowledged(1);
  await until(`the receiver has ${controlId}`, async () => {
    const { channels } = await agentStatus(pair.agentConfig);
    return Number(channels.find(({ name }) => name === "adt")?.ackedSeq) === count;
  });
}

test("[09 1.3] the receiver's executable takes messages, shows its console's files, and refuses native code that is not its own", {
  skip,
}, async () => {
  const built = builtReceiver();
  const root = mkdtempSync(join(tmpdir(), "holdfast-pair-"));
  try {
    const pair = await makePair({ folder: root });
    const serve = ["serve", "--config", pair.receiverConfig];
    const nowhere = built.command(serve, built.env({ HOLDFAST_LIB_DIR: "lib" }));
    assert.match(nowhere.out, /\[ADD_ON_UNUSABLE error=ADD_ON_NO_FOLDER\]/);
    assert.equal(nowhere.status, 78);
    const managed = built.env({ HOLDFAST_LIB_DIR: "lib", NOTIFY_SOCKET: "@nobody" });
    assert.equal(built.command(serve, managed).status, 78, "nor where systemd is to be told");
    await using served = built.start(serve);
    await served.ready();
    await using agent = startAgent(pair.agentConfig);
    await agent.ready();
    await sendOne(pair, "M1", 1);
    const { out } = built.command(["export", "--config", pair.receiverConfig]);
    assert.match(out, /M1/);
    assert.equal((await served.end("SIGTERM")).code, 0, served.errors);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});

const CONFIG = "/etc/holdfast-receiver/receiver.yaml";
const AS_SERVICE = "runuser -u holdfast-receiver -- holdfast-receiver";

/** The receiver of the pair, as an administrator configures it: its TLS key is a credential that systemd keeps. */
function configure(machine: Container, folder: string, { receiver: url }: Pair): void {
  const etc = machine.path("/etc/holdfast-receiver");
  cpSync(join(folder, "receiver/tls"), join(etc, "tls"), { recursive: true });
  cpSync(join(folder, "agent/identity/agent.crt"), machine.path("/var/agent.crt"));
  const key = "/run/credentials/holdfast-receiver.service/tls-key";
  const lines = [
    "stateDir: /var/lib/holdfast-receiver",
    `listen: { host: 127.0.0.1, port: ${new URL(url).port} }`,
    `tls: { certificate: tls/server.crt, key: ${key}, agentCa: tls/agent-ca.crt }`,
  ];
  writeFileSync(join(etc, "receiver.yaml"), lines.join("\n"));
  const dropIn = machine.path("/etc/systemd/system/holdfast-receiver.service.d");
  mkdirSync(dropIn, { recursive: true });
  const credential = "/etc/credstore.encrypted/holdfast-receiver.tls-key";
  writeFileSync(
    join(dropIn, "site.conf"),
    `[Service]\nLoadCredentialEncrypted=tls-key:${credential}\n`,
  );
  machine.sh(`
    mkdir -p -m 700 /etc/credstore.encrypted
    systemd-creds encrypt --name=tls-key /etc/holdfast-receiver/tls/server.key ${credential}
    rm /etc/holdfast-receiver/tls/server.key
    chown -R root:holdfast-receiver /etc/holdfast-receiver && chmod -R u=rwX,g=rX,o= /etc/holdfast-receiver
    chmod 644 /var/agent.crt && systemctl daemon-reload`);
}

test("[09 3] [09 2.1] Debian installs the receiver, systemd runs it confined, starts it again after a kill, and what it stored outlives the package", {
  skip: skip || containerMissing(),
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-pair-"));
  const pair = await makePair({ folder });
  const packaged = receiverPackage(builtReceiver().released(), "linux-x64", []);
  const deb = makeDeb(packaged, folder, join(folder, "work"), "none");
  await using machine = await Container.boot("bookworm");
  try {
    cpSync(deb, machine.path("/var/receiver.deb"));
    machine.sh("dpkg -i /var/receiver.deb");
    const state = (): string => machine.run("systemctl", "is-active", "holdfast-receiver").out;
    assert.equal(state().trim(), "inactive", "nobody has configured it");
    configure(machine, folder, pair);
    const name = `${AGENT.tenant}/${AGENT.agent}`;
    machine.sh("systemctl start holdfast-receiver");
    assert.equal(state().trim(), "active");
    machine.sh(`${AS_SERVICE} agent add ${name} --certificate /var/agent.crt --config ${CONFIG}`);
    await using agent = startAgent(pair.agentConfig);
    await agent.ready();
    await sendOne(pair, "M1", 1);
    const status = machine.sh(`${AS_SERVICE} status --config ${CONFIG}`);
    assert.match(status, /the receiver runs, process \d+, and its store answers/);
    const shown = (): string =>
      machine.sh("systemctl show -P StatusText -P NRestarts holdfast-receiver");
    await until("systemd hears of the agent", () => shown().includes("1 agents connected"));
    machine.sh("systemctl kill -s KILL holdfast-receiver");
    await until("it is started again", () => shown().includes("1\n"));
    await sendOne(pair, "M2", 2);
    machine.sh("systemctl stop holdfast-receiver && rm /opt/holdfast-receiver/lib/*sqlite3.node");
    const list = `HOME=/tmp ${AS_SERVICE} agent list --config ${CONFIG}`;
    const broken = machine.run("sh", "-c", list);
    assert.equal(broken.status, 78);
    assert.match(broken.out, /error=ADD_ON_MISSING/, "an installed program unpacks nothing");
    machine.sh("dpkg -r holdfast-receiver");
    assert.equal(
      machine.sh("stat -c '%U %a' /var/lib/holdfast-receiver/receiver.db").trim(),
      "holdfast-receiver 600",
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("[09 1.3] the signing tool's executable makes keys, and brings no native code", {
  skip,
}, async () => {
  using built = await BuiltExecutable.build(SIGN_TOOL);
  const out = join(built.folder, "author");
  const made = built.command(["keygen", "--out", out, "--no-passphrase"]);
  assert.equal(made.status, 0, made.out);
  assert.ok(existsSync(`${out}.pub.pem`));
  assert.ok(!existsSync(join(built.folder, "cache")));
});
