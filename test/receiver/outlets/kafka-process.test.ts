import assert from "node:assert/strict";
import { test } from "node:test";
import { Started, until } from "#test/support/processes.ts";
import { programFile } from "#test/support/programs.ts";
import { RECEIVER_CA_PEM } from "../support/identities.ts";
import type { Login } from "../support/kafka-login.ts";
import { PlayedAgent } from "../support/played-agent.ts";
import { type Fate, KAFKA_ERROR, PlayedKafka } from "../support/played-kafka.ts";
import { ReceiverFolder } from "../support/receiver-folder.ts";

const MAIN = programFile("receiver/main.ts");
const LOGIN: Login = { mechanism: "SCRAM-SHA-256", username: "holdfast", password: "geheim" };

function folderFor(kafka: PlayedKafka): ReceiverFolder {
  const folder = new ReceiverFolder({
    more: [
      "outlets:",
      "  - kind: kafka",
      "    name: stream",
      `    brokers: ['127.0.0.1:${kafka.ports[0]}']`,
      "    topic: hl7",
      "    tls: { ca: kafka-ca.pem }",
      "    sasl: { mechanism: scram-sha-256, username: holdfast, passwordFile: kafka.password }",
    ].join("\n"),
  });
  folder.write("kafka-ca.pem", RECEIVER_CA_PEM);
  folder.write("kafka.password", `${LOGIN.password}\n`);
  return folder;
}

/** `serve` in a process of its own; with DEBUG, by which the client would write what it does. */
function serve(folder: ReceiverFolder): Started {
  const command = [process.execPath, MAIN, "serve", "--config", folder.config];
  return new Started(command, { ...process.env, DEBUG: "plt:*" });
}

async function portOf(receiver: Started): Promise<number> {
  const line = await receiver.ready();
  return (JSON.parse(line) as { listening: { port: number } }).listening.port;
}

test("[TP38] [I-6] a receiver that is killed while it publishes leaves nothing out, and nothing in its log", async () => {
  await using kafka = await PlayedKafka.open({ isTls: true, login: LOGIN });
  using folder = folderFor(kafka);
  const agent = await folder.newAgent();
  const count = 120;
  // Two go together: about 60 requests.
  const bodies = Array.from({ length: count }, (_, i) => `PID|${i + 1}|Meier|${"x".repeat(1e5)}`);
  let errors = "";
  {
    kafka.fate = () => KAFKA_ERROR.notEnoughReplicas;
    await using receiver = serve(folder);
    await using source = await PlayedAgent.stream(await portOf(receiver), agent.identity);
    for (let first = 0; first < count; first += 4) {
      source.sendMessages(BigInt(first + 1), ...bodies.slice(first, first + 4));
      await source.acked(BigInt(first + 4));
    }
    await receiver.end("SIGKILL");
    errors += receiver.errors;
  }
  for (const fate of ["cut", "lost", "cut"] as const) {
    await using receiver = serve(folder);
    const before = kafka.batches.length;
    kafka.fate = (): Fate => {
      if (kafka.batches.length < before + 7) return "ok";
      receiver.child.kill("SIGKILL");
      return fate;
    };
    await receiver.ended;
    errors += receiver.errors;
  }
  kafka.fate = () => "ok";
  await using receiver = serve(folder);
  const seqs = () => kafka.published.map(({ headers }) => Number(headers["Holdfast-Seq"]));
  await until("the last one is there", () => seqs().at(-1) === count);
  assert.deepEqual(await receiver.end("SIGTERM"), { code: 0, signal: null });
  errors += receiver.errors;
  assert.ok(seqs().length > count, "something came twice");
  const kept = seqs().filter((seq, index, all) => seq > Math.max(0, ...all.slice(0, index)));
  assert.deepEqual(
    kept,
    Array.from({ length: count }, (_, index) => index + 1),
  );
  for (const { value, headers } of kafka.published) {
    assert.equal(`${Buffer.from(value ?? [])}`, bodies[Number(headers["Holdfast-Seq"]) - 1]);
  }
  assert.match(errors, /receiverStarted/);
  assert.doesNotMatch(errors, /Meier|geheim|plt:kafka/);
});
