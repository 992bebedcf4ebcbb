import assert from "node:assert/strict";
import { test } from "node:test";
import { AGENT_CA_PEM, issueAgent, issueReceiver, RECEIVER_CA_PEM } from "../support/identities.ts";
import { connect, first, saidStuck, taken } from "../support/kafka-outlet.ts";
import { OutletStage } from "../support/outlet-stage.ts";
import { KAFKA_ERROR, PlayedKafka } from "../support/played-kafka.ts";

test("[07 1.9] a broker whose certificate nobody vouches for, or of another name, gets nothing", async () => {
  await using stage = await OutletStage.open();
  await using kafka = await PlayedKafka.open({ isTls: true });
  await stage.caller.ingest(1n, 1n, "a");
  {
    await using _outlet = await connect(stage, kafka.ports, { tls: {} });
    assert.match(String((await saidStuck(stage))["error"]), /SIGNATURE|ISSUER|SELF_SIGNED/);
  }
  stage.logged.length = 0;
  const [port = 0] = kafka.ports;
  const other = { identity: await issueReceiver(["elsewhere.example.org"]) };
  {
    await using misnamed = await PlayedKafka.open({ isTls: true, ...other });
    await using _outlet = await connect(stage, misnamed.ports, { tls: { ca: RECEIVER_CA_PEM } });
    assert.equal((await saidStuck(stage))["error"], "ERR_TLS_CERT_ALTNAME_INVALID");
    assert.deepEqual(misnamed.batches, []);
  }
  assert.deepEqual(kafka.batches, []);
  const brokers = [{ host: "localhost", port }];
  kafka.advertisedHost = "localhost";
  await using _outlet = await connect(stage, [], { brokers, tls: { ca: RECEIVER_CA_PEM } });
  await taken(stage, "1.1");
  assert.equal(kafka.serverNames[0], "localhost");
});

test("[07 1.9] a broker that wants a certificate is shown it", async () => {
  await using stage = await OutletStage.open();
  await using kafka = await PlayedKafka.open({ isTls: true, clientCa: AGENT_CA_PEM });
  await stage.caller.ingest(1n, 1n, "a");
  const { certificatePem: certificate, privateKeyPem: key } = await issueAgent("north/outlet");
  {
    await using _outlet = await connect(stage, kafka.ports, { tls: { ca: RECEIVER_CA_PEM } });
    await saidStuck(stage);
    assert.deepEqual(kafka.batches, []);
  }
  const tls = { ca: RECEIVER_CA_PEM, certificate, key };
  await using _outlet = await connect(stage, kafka.ports, { tls });
  await taken(stage, "1.1");
});

test("[07 1.9] a broker without TLS gets nothing where TLS is meant", async () => {
  await using stage = await OutletStage.open();
  await using kafka = await PlayedKafka.open();
  await stage.caller.ingest(1n, 1n, "a");
  await using _outlet = await connect(stage, kafka.ports, { tls: {}, timeoutMs: 300 });
  await saidStuck(stage);
  assert.deepEqual(kafka.batches, []);
});

test("[07 1.9] in the clear nothing goes to another machine, whatever a broker says", async () => {
  await using stage = await OutletStage.open();
  await using kafka = await PlayedKafka.open();
  kafka.advertisedHost = "elsewhere.invalid";
  await stage.caller.ingest(1n, 1n, "a");
  await using _outlet = await connect(stage, kafka.ports);
  assert.equal((await saidStuck(stage))["error"], "PLAINTEXT_ELSEWHERE");
  kafka.advertisedHost = "127.0.0.1";
  await taken(stage, "1.1");
});

for (const mechanism of ["plain", "scram-sha-256", "scram-sha-512"] as const) {
  test(`[TP38] ${mechanism}: the right password publishes; a wrong one is refused and said, and nothing of it`, async () => {
    await using stage = await OutletStage.open();
    const login = { username: "holdfast", password: "geheim, = und lang" };
    const upper = mechanism.toUpperCase() as "PLAIN" | "SCRAM-SHA-256" | "SCRAM-SHA-512";
    await using kafka = await PlayedKafka.open({
      // In the clear the broker can hang up with a reset, behind what it has refused.
      isTls: mechanism !== "plain",
      login: { ...login, mechanism: upper },
    });
    await stage.caller.ingest(1n, 1n, "a");
    const tls = mechanism === "plain" ? null : { ca: RECEIVER_CA_PEM };
    {
      const wrong = { ...login, mechanism, password: "falsch" };
      await using _outlet = await connect(stage, kafka.ports, { tls, login: wrong });
      assert.equal((await saidStuck(stage))["error"], "SASL_AUTHENTICATION_FAILED");
      assert.deepEqual(kafka.batches, []);
    }
    await using _outlet = await connect(stage, kafka.ports, {
      tls,
      login: { ...login, mechanism },
    });
    await taken(stage, "1.1");
    assert.doesNotMatch(JSON.stringify(stage.logged, withBigints), /falsch|geheim|holdfast/);
  });
}

test("[TP38] a mechanism that the broker does not have is said", async () => {
  await using stage = await OutletStage.open();
  const login = { username: "holdfast", password: "geheim" };
  await using kafka = await PlayedKafka.open({ login: { ...login, mechanism: "PLAIN" } });
  await stage.caller.ingest(1n, 1n, "a");
  const other = { ...login, mechanism: "scram-sha-256" } as const;
  await using _outlet = await connect(stage, kafka.ports, { login: other });
  assert.equal((await saidStuck(stage))["error"], "UNSUPPORTED_SASL_MECHANISM");
});

test("[I-6] nothing of a body is in the log, whatever goes wrong", async () => {
  await using stage = await OutletStage.open();
  await using kafka = await PlayedKafka.open();
  kafka.fate = first(
    "cut",
    KAFKA_ERROR.tooLarge,
    "lost",
    KAFKA_ERROR.notLeader,
    87,
    "cut",
    -1,
    999,
  );
  await using _outlet = await connect(stage, kafka.ports);
  await stage.caller.ingest(1n, 1n, "PID|1||Meier");
  await taken(stage, "1.1");
  await saidStuck(stage);
  assert.doesNotMatch(JSON.stringify(stage.logged, withBigints), /Meier|PID/);
});

const withBigints = (_key: string, value: unknown): unknown =>
  typeof value === "bigint" ? `${value}` : value;
