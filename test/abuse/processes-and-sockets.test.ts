/**
 * 08 9, D11: what the operating system sees of an agent through a full run, call by call: no program is started, no port
 * opened and no address reached that configuration does not name.
 *
 * @module
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { askLocal } from "#agent/host/local-socket.ts";
import type { AgentStatus } from "#agent/status.ts";
import { AGENT, makePair } from "#scripts/make-pair.ts";
import { sendOnce } from "#test/faults/mllp-sender.ts";
import { HospitalSystem } from "#test/support/hospital-system.ts";
import { adt, latin1 } from "#test/support/messages.ts";
import { agentCommand, Started, startReceiver, until } from "#test/support/processes.ts";

const ROOT = join(import.meta.dirname, "../..");
const CALLS = "execve,execveat,fork,vfork,clone,clone3,bind,listen,connect,sendto,sendmsg";

/** @returns why it cannot be watched here, or `false` */
function unwatchable(): string | false {
  const { status } = spawnSync("strace", ["-f", "-o", "/dev/null", "true"]);
  return status === 0 ? false : "D11 not watched: strace may not trace here (Debian: strace)";
}

interface Seen {
  /** Programs that were started after the first, and processes that are no threads. */
  readonly started: string[];
  readonly bound: string[];
  readonly reached: string[];
}

/** `HOST:PORT` or `unix PATH` of a call of `bind`, `connect`, `sendto` or `sendmsg`; nothing where it names none. */
function addressOf(call: string): string | undefined {
  const path = /sun_path=@?"([^"]*)"/.exec(call)?.[1];
  if (path !== undefined) return `unix ${path}`;
  const port = /sin6?_port=htons\((\d+)\)/.exec(call)?.[1];
  const host = /inet_addr\("([^"]+)"\)|inet_pton\(AF_INET6, "([^"]+)"/.exec(call);
  return port === undefined ? undefined : `${host?.[1] ?? host?.[2]}:${port}`;
}

/** @param trace as `strace -f` writes it */
function seenIn(trace: string): Seen {
  const seen: Seen = { started: [], bound: [], reached: [] };
  const lines = trace.split("\n").filter((line) => line !== "" && !/ \+\+\+| ---/.test(line));
  const [first, ...rest] = lines;
  assert.match(first ?? "", /execve\(/, "the agent itself");
  for (const line of rest) {
    const call = line.replace(/^\d+\s+/, "");
    const name = /^(?:<\.\.\. )?(\w+)/.exec(call)?.[1] ?? "";
    if (call.startsWith("<...")) continue;
    if (/^(?:execve|execveat|fork|vfork)$/.test(name)) seen.started.push(call);
    else if (/^clone/.test(name) && !call.includes("CLONE_THREAD")) seen.started.push(call);
    else if (name === "bind") seen.bound.push(addressOf(call) ?? call);
    else if (name === "connect" || name.startsWith("send")) {
      const address = addressOf(call);
      if (address !== undefined) seen.reached.push(address);
    }
  }
  return seen;
}

/** Messages up, a file, an order down, the page, a command, a probe of the own machine: what an agent does in a day. */
test("[D11] through a full run the agent starts no program, opens no other port and reaches no other address", async (context) => {
  const missing = unwatchable();
  if (missing !== false) return context.skip(missing);
  const folder = mkdtempSync(join(tmpdir(), "holdfast-watched-"));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  await using system = await HospitalSystem.open();
  const pair = await makePair({
    ...{ folder, files: true },
    filesYaml: `    pollSeconds: 1\n    stableForSeconds: 1\n  - name: orders\n    kind: mllp-sender\n    host: 127.0.0.1\n    port: ${system.port}\n`,
  });
  const trace = join(folder, "trace");
  await using receiver = startReceiver(pair.receiverConfig);
  await receiver.ready();
  const strace = [
    "strace",
    "-f",
    "-qq",
    "-s",
    "256",
    "--seccomp-bpf",
    "-e",
    `trace=${CALLS}`,
    "-o",
    trace,
  ];
  await using agent = new Started([...strace, ...agentCommand(pair.agentConfig)]);
  const { pid } = JSON.parse(await agent.ready()) as { readonly pid: number };
  const stateDir = join(folder, "agent/state");

  await sendOnce(pair.mllp.port, latin1(adt("UP-1")));
  await sendOnce(pair.mllp.port, latin1("no message"));
  writeFileSync(join(pair.folder ?? "", "one.hl7"), adt("FILE-1"));
  const order = join(folder, "order");
  writeFileSync(order, adt("DOWN-1"));
  const config = ["--config", pair.receiverConfig];
  const name = `${AGENT.tenant}/${AGENT.agent}`;
  spawnSync(process.execPath, [
    join(ROOT, "receiver/main.ts"),
    "send",
    name,
    "orders",
    order,
    ...config,
  ]);
  for (const path of ["/", "/metrics"]) await (await fetch(pair.statusPage + path)).text();
  await askLocal(stateDir, { ask: "reconnect", by: "test" });
  await until("everything is where it belongs", async () => {
    const { answer } = (await askLocal(stateDir, { ask: "status" })) as {
      readonly answer: AgentStatus;
    };
    const all = answer.channels.filter(({ name }) => name === "adt" || name === "files");
    const isUp = all.every(({ lastSeq, waiting }) => Number(lastSeq) > 0 && Number(waiting) === 0);
    return isUp && system.controlIds.includes("DOWN-1");
  });
  process.kill(pid, "SIGTERM");
  assert.equal((await agent.ended).code, 0, agent.errors);

  const { started, bound, reached } = seenIn(readFileSync(trace, "utf8"));
  assert.deepEqual(started, []);
  const port = (url: string): string => `127.0.0.1:${new URL(url).port}`;
  const unix = (one: string): boolean => one.startsWith("unix ");
  const listeners = [`127.0.0.1:${pair.mllp.port}`, port(pair.statusPage)];
  assert.deepEqual([...new Set(bound.filter((one) => !unix(one)))].sort(), listeners.sort());
  for (const one of bound.filter(unix)) assert.match(one, /^unix .*\/agent\/state\/[a-z.-]+$/);
  const peers = [port(pair.receiver), `127.0.0.1:${system.port}`];
  assert.deepEqual([...new Set(reached.filter((one) => !unix(one)))].sort(), peers.sort());
  // Whether somebody is behind its own socket, and the name service of the machine.
  const known = /^unix (?:.*\/agent\/state\/[a-z.-]+|\/(?:var\/)?run\/nscd\/socket)$/;
  for (const one of reached.filter(unix)) assert.match(one, known);
});

test("[D11] the watch sees a program, a port and an address", (context) => {
  const missing = unwatchable();
  if (missing !== false) return context.skip(missing);
  const folder = mkdtempSync(join(tmpdir(), "holdfast-watched-"));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const trace = join(folder, "trace");
  const program = `
    require("node:child_process").spawnSync("/bin/true");
    const server = require("node:net").createServer().listen(0, "127.0.0.1", () => {
      require("node:net").connect(9, "127.0.0.2").on("error", () => server.close());
    });`;
  const args = ["-f", "-qq", "-e", `trace=${CALLS}`, "-o", trace, process.execPath, "-e", program];
  assert.equal(spawnSync("strace", args).status, 0);
  const { started, bound, reached } = seenIn(readFileSync(trace, "utf8"));
  assert.ok(started.some((call) => call.includes("/bin/true")));
  assert.deepEqual(bound, ["127.0.0.1:0"]);
  assert.deepEqual(reached, ["127.0.0.2:9"]);
});
