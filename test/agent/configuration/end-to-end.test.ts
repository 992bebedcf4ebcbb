/** A signed configuration as vendor and hospital see it: both programs as they are installed, and their commands. */
import assert from "node:assert/strict";
import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { ConfigurationStatus } from "#agent/configuration-desk.ts";
import { formatTime } from "#documents/time.ts";
import { enrolPair } from "#scripts/enrol-pair.ts";
import { freePort } from "#scripts/free-port.ts";
import { AGENT, makePair, type Pair } from "#scripts/make-pair.ts";
import { bundleOf, channelsOn } from "#test/support/configured-documents.ts";
import { adt, framed } from "#test/support/messages.ts";
import { MllpSocket } from "#test/support/mllp-socket.ts";
import { Started, startReceiver, until } from "#test/support/processes.ts";
import { programFile } from "#test/support/programs.ts";
import { config, KEYS, signed, trust } from "#test/support/signed-documents.ts";

const NAME = `${AGENT.tenant}/${AGENT.agent}`;
const DAY_MS = 86_400_000;

interface Installed {
  readonly pair: Pair;
  readonly folder: string;
  readonly anchor: string;
}

/** A pair whose agent enrols and takes signed configuration; its keys are those of the tests. */
async function installed(folder: string): Promise<Installed> {
  const pair = await makePair({ folder, enrolling: true });
  const anchor = join(folder, "agent/anchor.json");
  const local = readFileSync(pair.agentConfig, "utf8");
  writeFileSync(
    pair.agentConfig,
    `${local.slice(0, local.indexOf("channels:"))}configSource: signed
policy:
  listenAddresses: ["127.0.0.1"]
  listenPorts: ["1024-65535"]
  sourceNetworks: ["127.0.0.0/8"]
  probationMinutes: 2
`,
  );
  const receiverCas = [readFileSync(join(folder, "receiver/tls/ca.crt"), "utf8")];
  const first = trust({
    tenant: AGENT.tenant,
    receiverCas,
    issuedAt: formatTime(Date.now() - DAY_MS),
  });
  writeFileSync(
    join(folder, "receiver/trust.json"),
    signed("trust", first, KEYS.trust.slice(0, 2)),
  );
  writeFileSync(anchor, JSON.stringify({ keys: KEYS.trust.map(({ hex }) => hex), threshold: 2 }));
  return { pair, folder, anchor };
}

function offer(port: number, change: Parameters<typeof config>[0] = {}): Uint8Array {
  const times = {
    issuedAt: formatTime(Date.now() - 60_000),
    offerExpires: formatTime(Date.now() + 30 * DAY_MS),
  };
  const body = channelsOn(port);
  const document = config({
    ...AGENT,
    ...times,
    minAgent: "0.0.0",
    maxAgent: "99.0.0",
    body,
    ...change,
  });
  return signed("config", document, KEYS.config.slice(0, 2));
}

const startConfigured = ({ pair, anchor }: Installed): Started =>
  new Started([
    ...[process.execPath, programFile("agent/main.ts"), "run"],
    ...["--config", pair.agentConfig, "--anchor", anchor],
  ]);

const called = (
  program: "agent" | "receiver",
  configFile: string,
  args: readonly string[],
): SpawnSyncReturns<string> =>
  spawnSync(
    process.execPath,
    [programFile(`${program}/main.ts`), ...args, "--config", configFile],
    {
      encoding: "utf8",
    },
  );

async function said<T>(
  program: "agent" | "receiver",
  file: string,
  ...args: readonly string[]
): Promise<T> {
  const command = [process.execPath, programFile(`${program}/main.ts`), ...args];
  await using asked = new Started([...command, "--json", "--config", file]);
  return JSON.parse(await asked.ready()) as T;
}

async function acknowledged(port: number, id: string): Promise<string[]> {
  await using socket = await MllpSocket.open(port);
  await socket.send(framed(adt(id)));
  return await socket.acknowledged(1);
}

test("[U23] [TP35] sent by the receiver, approved at the machine, in force; two kills take it back, and the receiver is told", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-configured-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const one = await installed(folder);
  const { agentConfig, receiverConfig } = one.pair;
  await using receiver = startReceiver(receiverConfig);
  await receiver.ready();
  await enrolPair(one.pair);
  const show = (): Promise<ConfigurationStatus> => said("agent", agentConfig, "config", "show");
  const port = await freePort();
  let agent = startConfigured(one);
  t.after(() => agent[Symbol.asyncDispose]());
  assert.deepEqual(JSON.parse(await agent.ready()).accepting, [], "nothing that is not approved");
  const file = join(folder, "config.json");
  writeFileSync(file, offer(port));
  await said("receiver", receiverConfig, "document", "send", NAME, file);
  let status: ConfigurationStatus | undefined;
  await until("it waits for a yes", async () => {
    status = await show();
    return status.newest?.state === "AWAITING_APPROVAL";
  });
  assert.deepEqual(
    [status?.trustVersion, status?.newest?.risk, status?.effective],
    [1, "high", undefined],
  );
  const digest = status?.newest?.digest ?? "";
  const diff = called("agent", agentConfig, ["config", "diff", digest.slice(0, 12)]);
  assert.match(
    diff.stdout,
    new RegExp(`What opens\\n  c1 \\+ "mllp-listener"(?:.*\\n)+ {2}c1: port \\+ ${port}`),
    diff.stdout + diff.stderr,
  );
  status = await said<ConfigurationStatus>("agent", agentConfig, "config", "approve", digest);
  assert.equal(status.newest?.state, "PROBATION");
  assert.deepEqual(await acknowledged(port, "E1"), ["AA E1"]);

  // Twice the process ends in its probation.
  await agent.end("SIGKILL");
  agent = startConfigured(one);
  assert.equal(JSON.parse(await agent.ready()).accepting.length, 1);
  assert.deepEqual(await acknowledged(port, "E2"), ["AA E2"]);
  await agent.end("SIGKILL");
  agent = startConfigured(one);
  assert.deepEqual(JSON.parse(await agent.ready()).accepting, []);
  status = await show();
  assert.deepEqual(
    [status.newest?.state, status.newest?.reason, status.seqHigh],
    ["ROLLED_BACK", "restarts", 1],
  );
  await until("the receiver knows", async () => {
    const told = called("receiver", receiverConfig, ["agent", "status", NAME, "--json"]);
    if (told.status !== 0) return false;
    const { isVerified, status: last } = JSON.parse(told.stdout);
    return (
      isVerified &&
      last.state === "ROLLED_BACK" &&
      last.seqHigh === 1 &&
      last.effectiveDigest === null
    );
  });
  const history = called("agent", agentConfig, ["config", "history"]);
  assert.match(history.stdout, /config\.rolledBack\s+\S+\s+restarts/);
  assert.match(called("agent", agentConfig, ["status"]).stdout, /configuration: signed/);
  assert.equal((await agent.end("SIGTERM")).code, 0);
});

test("[U29] a bundle that is a link, a pipe or cut short is refused at once; the right one is taken, once; nothing hangs", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-stick-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const one = await installed(folder);
  const { agentConfig } = one.pair;
  await using receiver = startReceiver(one.pair.receiverConfig);
  await receiver.ready();
  await enrolPair(one.pair);
  await using agent = startConfigured(one);
  await agent.ready();
  const good = join(folder, "good.json");
  const bytes = bundleOf({ envelope: offer(await freePort()), digest: "" }, { trust: [] });
  writeFileSync(good, bytes);
  const at = (name: string): string => join(folder, name);
  symlinkSync(good, at("link"));
  assert.equal(spawnSync("mkfifo", [at("pipe")]).status, 0);
  writeFileSync(at("cut"), bytes.subarray(0, bytes.length / 2));
  const single = offer(await freePort());
  writeFileSync(at("single"), single);
  for (const [name, text] of [
    ["link", /BUNDLE_UNREADABLE/],
    ["pipe", /reason=notRegular/],
    ["cut", /BUNDLE_MALFORMED/],
    ["single", /BUNDLE_SINGLE_DOCUMENT\]\n {2}Put it into one .*holdfast-sign bundle/],
  ] as const) {
    const ended = called("agent", agentConfig, ["config", "import", at(name)]);
    assert.equal(ended.status, 65, `${name}: ${ended.stderr}`);
    assert.match(ended.stderr, text, name);
  }
  const looked = called("agent", agentConfig, ["config", "check", at("single")]);
  assert.deepEqual([looked.status, /BUNDLE_SINGLE_DOCUMENT/.test(looked.stderr)], [65, true]);
  // What is only looked at is named, and is no yes: whose it is, and who signed it, is judged at the import.
  writeFileSync(
    at("foreign"),
    bundleOf({ envelope: offer(await freePort(), { agent: "other" }), digest: "" }, { trust: [] }),
  );
  writeFileSync(at("forbidden"), bundleOf({ envelope: offer(80), digest: "" }, { trust: [] }));
  for (const [name, status, text] of [
    ["good.json", 0, /number 1 for demo\/hospital, [0-9a-f]{64}; signatures and recipient are/],
    ["foreign", 0, /number 1 for demo\/other, /],
    ["forbidden", 65, /FORBIDDEN in the configuration in the bundle:\n {2}number 1 for demo/],
  ] as const) {
    const checked = called("agent", agentConfig, ["config", "check", at(name)]);
    assert.equal(checked.status, status, `${name}: ${checked.stderr}`);
    assert.match(checked.stdout, text, name);
  }
  const foreign = called("agent", agentConfig, ["config", "import", at("foreign")]);
  assert.equal(foreign.status, 65);
  assert.match(foreign.stdout, /WRONG_RECIPIENT[\s\S]*\n {2}It is for another agent/);
  const taken = called("agent", agentConfig, ["config", "import", good]);
  assert.deepEqual([taken.status, /AWAITING_APPROVAL/.test(taken.stdout)], [0, true], taken.stderr);
  const twice = called("agent", agentConfig, ["config", "import", good]);
  assert.deepEqual([twice.status, /IN_PROGRESS/.test(twice.stdout)], [65, true], twice.stderr);
  assert.match(twice.stdout, /\n {2}Nothing to do: holdfast config show says where it stands\n/);
  const signedStatus = at("status.json");
  assert.equal(called("agent", agentConfig, ["status", "--signed", signedStatus]).status, 0);
  assert.match(readFileSync(signedStatus, "utf8"), /vnd\.holdfast\.status\.v1/);
  const overIt = called("agent", agentConfig, ["status", "--signed", signedStatus]);
  assert.deepEqual([overIt.status, /FILE_EXISTS/.test(overIt.stderr)], [73, true], overIt.stderr);
  const shown = await said<ConfigurationStatus>("agent", agentConfig, "config", "show");
  assert.equal(shown.newest?.state, "AWAITING_APPROVAL");
  assert.equal((await agent.end("SIGTERM")).code, 0);
});
