/**
 * `npm run demo`: hospital senders and a folder of files, the agent, an outage, a `kill -9`, and a reconciliation.
 *
 * Everything is real: processes, sockets, TLS, SQLite on disk. With `--once` it stops afterwards and
 * exits 0 only if every message was delivered exactly once, byte for byte, in order.
 *
 * @module
 */
import { once } from "node:events";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { enrolPair } from "../enrol-pair.ts";
import { freePort } from "../free-port.ts";
import { makePair, type Pair } from "../make-pair.ts";
import { Laboratory } from "./laboratory.ts";
import { output, Program } from "./program.ts";
import { type Exported, isPerfect, type Reconciliation, reconcile } from "./reconcile.ts";
import { HospitalSender } from "./sender.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = join(root, ".demo");
const agentMain = join(root, "agent/main.ts");
const receiverMain = join(root, "receiver/main.ts");
const DRAIN_TIMEOUT_MS = 90_000;
const EXIT_DEFECT = 70;

const { values: options } = parseArgs({ options: { once: { type: "boolean", default: false } } });
const startMs = performance.now();

function say(text: string): void {
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1).padStart(5);
  console.log(`${seconds} s  ${text}`);
}

interface Status {
  readonly channels: readonly {
    readonly waiting: number;
    readonly folder?: { readonly inWork: number; readonly toMove: number };
  }[];
  readonly tunnel: { readonly state: string };
}

async function statusOf(config: string): Promise<Status> {
  // 69 says that something needs attention: during the outage it does.
  return JSON.parse(await output([agentMain, "status", "--json", "--config", config], [0, 69]));
}

const waitingOf = (status: Status): number =>
  status.channels.reduce((sum, { waiting }) => sum + waiting, 0);

async function demoPair(): Promise<Pair> {
  return await makePair({
    folder,
    files: true,
    enrolling: true,
    receiverYaml: `console: { port: ${await freePort()} }\n`,
    filesYaml: "    completion: rename\n    pollSeconds: 1\n",
  });
}

async function story(): Promise<boolean> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const pair = await demoPair();
  const laboratory = new Laboratory(pair.folder ?? folder);
  const receiverArgs = [receiverMain, "serve", "--config", pair.receiverConfig];
  const agentArgs = [agentMain, "run", "--config", pair.agentConfig];
  const logs = { agent: join(folder, "agent.log"), receiver: join(folder, "receiver.log") };
  say("made the receiver's CA, the CA of agents and a trust document; no agent is known yet");

  let receiver = await Program.start(receiverArgs, logs.receiver);
  await enrolPair(pair, (code) =>
    say(`the agent has a token; hospital and vendor both see ${code}`),
  );
  say(
    "the vendor confirmed: keys and certificate are the agent's own, and it renews them by itself",
  );
  let agent = await Program.start(agentArgs, logs.agent);
  const senders = ["A", "B", "C"].map((name) => new HospitalSender(name, pair.mllp.port));
  const send = (count: number): Promise<unknown> =>
    Promise.all(senders.map((sender) => sender.send(count)));
  try {
    say(`the receiver listens on ${pair.receiver}, the agent on MLLP port ${pair.mllp.port}`);
    await send(100);
    say("three hospital systems sent 300 messages (ADT, ORU, MDM with a 1 MB PDF): all got AA");

    laboratory.drop(5);
    say("a laboratory put 5 batch files with 50 results into a folder");

    await receiver.stop("SIGTERM");
    say("OUTAGE: the receiver is gone. The hospital notices nothing:");
    laboratory.drop(5);
    await send(100);
    say(
      `300 more messages got AA; ${waitingOf(await statusOf(pair.agentConfig))} wait in the outbox`,
    );

    const sending = send(100);
    laboratory.drop(20);
    await sleep(150);
    await agent.stop("SIGKILL");
    say(
      "KILL -9: the agent dies in the middle of 300 more and of 20 files; the senders see closed connections",
    );
    agent = await Program.start(agentArgs, logs.agent);
    await sending;
    const resent = senders.reduce((sum, sender) => sum + sender.resent, 0);
    say(
      `the agent is back; the senders sent again what had no reply (${resent} attempts) and got AA`,
    );

    receiver = await Program.start(receiverArgs, logs.receiver);
    say("the receiver is back; the outbox drains");
    await drained(pair.agentConfig, laboratory);
    const lines = await output([receiverMain, "export", "--body", "--config", pair.receiverConfig]);
    const exported = lines
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Exported);
    const result = reconcile(senders, laboratory, exported);
    printTable(result);
    const isEqual = await productReport(pair.agentConfig, pair.receiverConfig);
    if (!options.once) await leaveRunning(pair.mllp.port, pair.agentConfig, pair.receiverConfig);
    return isPerfect(result) && isEqual;
  } finally {
    for (const sender of senders) sender.close();
    await agent.stop("SIGTERM");
    await receiver.stop("SIGTERM");
  }
}

async function drained(config: string, laboratory: Laboratory): Promise<void> {
  const untilMs = performance.now() + DRAIN_TIMEOUT_MS;
  const isDrained = async (): Promise<boolean> => {
    const { channels } = await statusOf(config);
    const inWork = channels.some(
      ({ folder: found }) => (found?.inWork ?? 0) + (found?.toMove ?? 0) > 0,
    );
    return laboratory.waiting === 0 && !inWork && channels.every(({ waiting }) => waiting === 0);
  };
  while (!(await isDrained())) {
    if (performance.now() > untilMs)
      throw new Error("the outbox did not drain; see .demo/agent.log");
    await sleep(200);
  }
}

/** What an operator would run: the agent tells of the hour that is not over, and the receiver compares. */
async function productReport(agentConfig: string, receiverConfig: string): Promise<boolean> {
  await output([agentMain, "report", "--tell", "--config", agentConfig]);
  const asked = [receiverMain, "report", "--config", receiverConfig];
  const untilMs = performance.now() + DRAIN_TIMEOUT_MS;
  for (;;) {
    // 75: what was told is still on its way.
    const lines = await output([...asked, "--json"], [0, 65, 75]);
    const states = [...lines.matchAll(/"state":"(\w+)"/g)].map(([, state]) => state);
    const isEqual = states.length > 0 && states.every((state) => state === "equal");
    const isOver = isEqual || states.includes("differs") || performance.now() > untilMs;
    if (!isOver) {
      await sleep(200);
      continue;
    }
    console.log("  $ holdfast-receiver report");
    console.log((await output(asked, [0, 65, 75])).replace(/^/gm, "    "));
    return isEqual;
  }
}

function printTable(result: Reconciliation): void {
  const rows: readonly (readonly [string, number])[] = [
    ["acknowledged to the hospital (AA)", result.acknowledged],
    ["put into the folder, in batch files", result.dropped],
    ["stored at the receiver", result.atReceiver],
    ["missing", result.missing],
    ["delivered twice", result.twice],
    ["changed (bytes compared)", result.changed],
    ["senders whose order changed", result.outOfOrder],
    ["holes in the numbering", result.gaps],
  ];
  console.log("\n  Reconciliation");
  for (const [label, count] of rows)
    console.log(`    ${label.padEnd(36)}${String(count).padStart(6)}`);
  console.log(
    isPerfect(result) ? "  Every message arrived once, unchanged, in order.\n" : "  FAILED\n",
  );
}

async function leaveRunning(
  port: number,
  agentConfig: string,
  receiverConfig: string,
): Promise<void> {
  const link = ["console", "link", "--role", "administrator", "--name", "Demo"];
  const page = await output([receiverMain, ...link, "--config", receiverConfig]);
  console.log(`  The fleet console, in your browser (the link works once, within five minutes):
    ${page.trim()}

  It is still running. Try, in another terminal:
    npm run -s holdfast -- send --port ${port}
    npm run -s holdfast -- status --config ${agentConfig}
    npm run -s holdfast -- trace A000001 --config ${agentConfig}
    npm run -s holdfast -- files list --config ${agentConfig}
    npm run -s holdfast-receiver -- export --config ${receiverConfig} | tail -1
    npm run -s holdfast-receiver -- alarms --config ${receiverConfig}
    npm run -s holdfast-receiver -- console link --role viewer --config ${receiverConfig}
  Ctrl-C ends it.`);
  await Promise.race([once(process, "SIGINT"), once(process, "SIGTERM")]);
}

process.exitCode = (await story()) ? 0 : EXIT_DEFECT;
