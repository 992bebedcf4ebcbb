import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { DocumentError } from "#config/document.ts";
import { loadConfiguration } from "#receiver/configuration.ts";
import { positionsOf } from "#receiver/outlets/configuration.ts";
import { readKafka } from "#receiver/outlets/kafka-configuration.ts";
import { issueReceiver, RECEIVER_CA_PEM } from "../support/identities.ts";
import { Poller, TOKEN } from "../support/poller.ts";
import { ReceiverFolder } from "../support/receiver-folder.ts";
import { WebhookEndpoint } from "../support/webhook-endpoint.ts";

const SECRET = `whsec_${Buffer.alloc(32, 3).toString("base64")}`;
const WEBHOOK =
  "{ kind: webhook, name: lab, url: 'https://lab.example.org/in', secretFile: secret }";
const TLS = "tls: { certificate: server.pem, key: server.key }";
const HTTP = `{ kind: http, name: poll, listen: { host: 127.0.0.1, port: 0 }, ${TLS}, tokensFile: tokens, positions: [warehouse] }`;

const KAFKA =
  "{ kind: kafka, name: stream, brokers: ['k1.example.org:9093', '[2001:db8::7]:9093'], topic: hl7 }";

function folderWith(...outlets: readonly string[]): ReceiverFolder {
  const lines = outlets.map((outlet) => `  - ${outlet}`);
  return new ReceiverFolder({ more: ["outlets:", ...lines].join("\n") });
}

test("[06 12] outlets are read with their defaults, their files from the folder of the configuration", () => {
  using folder = folderWith(WEBHOOK, HTTP);
  const { outlets } = loadConfiguration(folder.config);
  assert.deepEqual(outlets, [
    {
      kind: "webhook",
      name: "lab",
      url: "https://lab.example.org/in",
      secretFile: join(folder.path, "secret"),
      timeoutSeconds: 30,
      channelsAtOnce: 16,
    },
    {
      kind: "http",
      name: "poll",
      listen: { host: "127.0.0.1", port: 0 },
      tls: {
        certificate: join(folder.path, "server.pem"),
        key: join(folder.path, "server.key"),
      },
      tokensFile: join(folder.path, "tokens"),
      positions: ["warehouse"],
    },
  ]);
  assert.deepEqual(outlets.flatMap(positionsOf), [
    { outlet: "lab", channels: null },
    { outlet: "warehouse", channels: null },
  ]);
});

test("[TP38] a Kafka outlet is read with its defaults, its files from the folder of the configuration", () => {
  const sasl = "sasl: { mechanism: scram-sha-512, username: holdfast, passwordFile: password }";
  const tls = "tls: { ca: ca.pem, certificate: client.pem, key: client.key }";
  using folder = folderWith(
    KAFKA,
    KAFKA.replace("stream", "two").replace(" }", `, ${tls}, ${sasl} }`),
  );
  const { outlets } = loadConfiguration(folder.config);
  const plain = {
    kind: "kafka",
    name: "stream",
    brokers: ["k1.example.org:9093", "[2001:db8::7]:9093"],
    topic: "hl7",
    tls: {},
    timeoutSeconds: 30,
    channelsAtOnce: 16,
    maxMessageBytes: 1_000_000,
  };
  const from = (name: string) => join(folder.path, name);
  assert.deepEqual(outlets, [
    plain,
    {
      ...plain,
      name: "two",
      tls: { ca: from("ca.pem"), certificate: from("client.pem"), key: from("client.key") },
      sasl: { mechanism: "scram-sha-512", username: "holdfast", passwordFile: from("password") },
    },
  ]);
  assert.deepEqual(outlets.flatMap(positionsOf)[0], { outlet: "stream", channels: null });
  const [first = assert.fail()] = outlets;
  assert.ok(first.kind === "kafka");
  assert.deepEqual(readKafka(first).client.brokers, [
    { host: "k1.example.org", port: 9_093 },
    { host: "2001:db8::7", port: 9_093 },
  ]);
});

test("[07 1.9] a Kafka outlet is in the clear to this machine only", () => {
  const local = KAFKA.replace(" }", ", tls: false }").replace("k1.example.org", "localhost");
  using folder = folderWith(local.replace("[2001:db8::7]", "[::1]"));
  assert.equal(loadConfiguration(folder.config).outlets.length, 1);
  using other = folderWith(local);
  assert.throws(() => loadConfiguration(other.config), DocumentError);
});

/** What is wrong, and the text at which the reader is pointed. */
const WRONG: readonly [outlet: string, at: string, message: RegExp][] = [
  [WEBHOOK.replace("https://", "http://"), "url", /must begin with https:/],
  [WEBHOOK.replace("https://", "https://me:pw@"), "url", /no user, password or fragment/],
  [WEBHOOK.replace("https://lab", "lab"), "url", /is no URL/],
  [WEBHOOK.replace("name: lab", "name: LAB"), "name", /is no name such as/],
  [WEBHOOK.replace("secretFile", "secretfile"), "secretfile", /did you mean 'secretFile'/],
  [WEBHOOK.replace("webhook", "webhok"), "kind", /kind/],
  [HTTP.replace(", tokensFile: tokens", ""), "{", /is needed, or tls.clientCa/],
  [HTTP.replace("[warehouse]", "[$lab]"), "$lab", /is no name such as/],
  [WEBHOOK.replace("name: lab", "name: $lab"), "name", /is no name such as/],
  [KAFKA.replace(" }", ", tls: false }"), "tls", /must not be false/],
  [KAFKA.replace(" }", ", tls: true }"), "tls", /must be false, or have files/],
  [KAFKA.replace(" }", ", tls: { certificate: a.pem } }"), "tls", /belongs to tls.certificate/],
  [KAFKA.replace("k1.example.org:9093", "k1.example.org"), "'k1", /is no HOST:PORT/],
  [KAFKA.replace("k1.example.org:9093", "k1.example.org:99093"), "'k1", /is no HOST:PORT/],
  [KAFKA.replace("topic: hl7", "topic: __hl7"), "topic", /is no name of a topic/],
  [
    KAFKA.replace(" }", ", sasl: { mechanism: md5, username: a, passwordFile: b } }"),
    "mech",
    /plain/,
  ],
  [WEBHOOK.replace(" }", ", channels: [adt, $outcomes] }"), "$out", /is no channel of agents/],
];

test("[TP38] no two outlets or positions have one name, for they would share a position", () => {
  const cases: readonly [outlets: readonly string[], column: string][] = [
    [[HTTP.replace("[warehouse]", "[one, poll]")], "poll]"],
    [[HTTP.replace("[warehouse]", "[one, one]")], "one]"],
    [[WEBHOOK, WEBHOOK], "name"],
    [[WEBHOOK, HTTP.replace("[warehouse]", "[lab]")], "lab]"],
    [[HTTP, WEBHOOK.replace("name: lab", "name: warehouse")], "name"],
  ];
  for (const [outlets, at] of cases) {
    using folder = folderWith(...outlets);
    const place = [outlets.length + 4, "  - ".length + (outlets.at(-1)?.indexOf(at) ?? 0) + 1];
    assert.throws(
      () => loadConfiguration(folder.config),
      (error) => {
        assert.ok(error instanceof DocumentError);
        const [problem, ...more] = error.problems;
        assert.match(problem?.message ?? "", /another outlet or position has this name/);
        assert.deepEqual([problem?.line, problem?.column, more.length], [...place, 0], `${at}`);
        return true;
      },
    );
  }
});

for (const [outlet, at, message] of WRONG) {
  test(`[I-5] a wrong outlet is refused with its place: ${message.source}`, () => {
    using folder = folderWith(outlet);
    assert.throws(
      () => loadConfiguration(folder.config),
      (error) => {
        assert.ok(error instanceof DocumentError);
        const problem = error.problems.find((one) => message.test(one.message));
        assert.ok(problem, error.message);
        const column = "  - ".length + outlet.indexOf(at) + 1;
        assert.deepEqual([problem.line, problem.column], [5, column], error.message);
        return true;
      },
    );
  });
}

test("[06 12] http to this machine is allowed, by each of its names", () => {
  for (const host of ["127.0.0.1", "127.9.9.9", "localhost", "[::1]"]) {
    using folder = folderWith(WEBHOOK.replace("https://lab.example.org", `http://${host}:8080`));
    assert.equal(loadConfiguration(folder.config).outlets.length, 1);
  }
  for (const host of ["127.0.0.1.example.org", "localhost.example.org", "[::2]"]) {
    using folder = folderWith(WEBHOOK.replace("https://lab.example.org", `http://${host}:8080`));
    assert.throws(() => loadConfiguration(folder.config), DocumentError, host);
  }
});

for (const [file, key] of [
  ["secret", "secretFile"],
  ["tokens", "tokensFile"],
] as const) {
  test(`[I-5] a ${key} that is missing, or holds what is no ${file}, ends the start, and names the outlet`, async () => {
    using folder = folderWith(key === "secretFile" ? WEBHOOK : HTTP);
    const outlet = key === "secretFile" ? "lab" : "poll";
    await assert.rejects(folder.open(), {
      code: "OUTLET_FILE",
      facts: { outlet, key, error: "ENOENT" },
    });
    folder.write(file, "patient Meier");
    await assert.rejects(folder.open(), { code: "OUTLET_FILE", facts: { outlet, key } });
  });
}

test("[I-5] files of a Kafka outlet that cannot be used end the start, and the outlet and key are named", async () => {
  const sasl = "sasl: { mechanism: plain, username: holdfast, passwordFile: password }";
  const tls = "tls: { ca: ca.pem, certificate: server.pem, key: other.key }";
  using folder = folderWith(KAFKA.replace(" }", `, ${tls}, ${sasl} }`));
  const refused = async (key: string, more = {}): Promise<void> => {
    const facts = { outlet: "stream", key, ...more };
    await assert.rejects(folder.open(), { code: "OUTLET_FILE", facts });
  };
  folder.write("other.key", (await issueReceiver(["localhost"])).privateKeyPem);
  await refused("tls.ca", { error: "ENOENT" });
  folder.write("ca.pem", "patient Meier");
  await refused("tls.ca", { error: "ERR_OSSL_PEM_NO_START_LINE" });
  folder.write("ca.pem", RECEIVER_CA_PEM);
  await refused("tls.key", { error: "ERR_OSSL_X509_KEY_VALUES_MISMATCH" });
  folder.write("other.key", readFileSync(join(folder.path, "server.key"), "utf8"));
  await refused("sasl.passwordFile", { error: "ENOENT" });
  folder.write("password", "\n");
  await refused("sasl.passwordFile");
});

test("[06 12] a receiver with outlets hands on by both, and says where it listens", async () => {
  await using endpoint = await WebhookEndpoint.open("http");
  using folder = folderWith(WEBHOOK.replace("https://lab.example.org/in", endpoint.url.href), HTTP);
  folder.write("secret", `${SECRET}\n`);
  folder.write("tokens", `${TOKEN}\n`);
  await using receiver = await folder.open();
  const port = receiver.outlets.addresses["poll"]?.port ?? assert.fail();
  const { status, json } = await new Poller(port).get("/v1/channels");
  assert.deepEqual([status, json], [200, { channels: [], more: false }]);
  const said = folder.logged.find(({ event }) => event === "outletListening");
  assert.deepEqual(said?.facts, { outlet: "poll", port });
});
