/** DNS is dead, then wrong, then well again, for an agent as it runs: through the system's resolver (T-N08). @module */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { until } from "#test/support/processes.ts";
import { TroubledPair, type TroubledStatus } from "./troubled-pair.ts";

/** A loopback address that no resolver of this machine listens on. */
const ADDRESS = "127.0.0.77";
/** The receiver's certificate names it; the agent below sees no `/etc/hosts` that does. */
const NAME = "localhost";
const SERVFAIL = 2;
const NXDOMAIN = 3;
const TYPE_A = 1;

/** RFC 1035 section 4.1: answers every question as told, or not at all. */
class StubDns implements AsyncDisposable {
  says: "nothing" | "noSuchName" | "broken" | "here" = "nothing";
  askedCount = 0;
  readonly #socket = createSocket("udp4");

  static async open(): Promise<StubDns> {
    const dns = new StubDns();
    dns.#socket.on("message", (query, from) => {
      dns.askedCount += 1;
      const answer = dns.#answerTo(query);
      if (answer !== undefined) dns.#socket.send(answer, from.port, from.address);
    });
    dns.#socket.bind(53, ADDRESS);
    await once(dns.#socket, "listening");
    return dns;
  }

  #answerTo(query: Buffer): Buffer | undefined {
    if (this.says === "nothing") return undefined;
    // The name ends with a zero byte, two bytes each for type and class follow it.
    const end = query.indexOf(0, 12) + 5;
    const isAddress = query.readUInt16BE(end - 4) === TYPE_A;
    const code = { noSuchName: NXDOMAIN, broken: SERVFAIL, here: 0 }[this.says];
    const header = Buffer.from(query.subarray(0, 12));
    header.writeUInt16BE(0x8180 | code, 2);
    const has = this.says === "here" && isAddress;
    header.fill(0, 6, 12);
    header.writeUInt16BE(has ? 1 : 0, 6);
    // The name at offset 12, A, IN, a TTL of 0, four bytes.
    const record = Buffer.from("c00c00010001000000000004" + "7f000001", "hex");
    return Buffer.concat([header, query.subarray(12, end), ...(has ? [record] : [])]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.close();
    await once(this.#socket, "close");
  }
}

const skip =
  process.getuid?.() === 0 && spawnSync("unshare", ["-m", "true"]).status === 0
    ? false
    : "not tested: a dead DNS; only root can give a process another resolv.conf";

const lastError = ({ tunnel }: TroubledStatus & { tunnel: { lastError?: string } }) =>
  tunnel.lastError;

test("[T-N08, TP28] DNS silent, broken and wrong: a state each, no data, and it recovers alone", {
  skip,
  timeout: 180_000,
}, async () => {
  using pair = await TroubledPair.make();
  const yaml = readFileSync(pair.pair.agentConfig, "utf8");
  writeFileSync(pair.pair.agentConfig, yaml.replace("wss://127.0.0.1", `wss://${NAME}`));
  const inside = (name: string, text: string): string => {
    const file = join(pair.folder, name);
    writeFileSync(file, text);
    return file;
  };
  const resolv = inside("resolv", `nameserver ${ADDRESS}\noptions timeout:1 attempts:1\n`);
  const hosts = inside("hosts", "");
  const nsswitch = inside("nsswitch", "hosts: files dns\n");
  const binds = Object.entries({
    resolv: "resolv.conf",
    hosts: "hosts",
    nsswitch: "nsswitch.conf",
  });
  const files: Readonly<Record<string, string>> = { resolv, hosts, nsswitch };
  const script = binds.map(([name, at]) => `mount --bind ${files[name]} /etc/${at} && `).join("");

  await using dns = await StubDns.open();
  await using _receiver = await pair.receiver();
  const through = ["unshare", "-m", "sh", "-c", `${script}exec "$@"`, "sh"];
  await using agent = await pair.agent({ through });
  for (const [says, code] of [
    ["nothing", "TUNNEL_DNS_AWAY"],
    ["noSuchName", "TUNNEL_NAME_UNKNOWN"],
    ["broken", "TUNNEL_DNS_AWAY"],
  ] as const) {
    dns.says = says;
    await until(code, async () => lastError(await pair.status()) === code, 60_000);
  }
  assert.ok(dns.askedCount > 0);
  dns.says = "here";
  await pair.streaming(90_000);
  assert.deepEqual(await agent.end("SIGTERM"), { code: 0, signal: null });
});
