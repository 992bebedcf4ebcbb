/** The receiver moves to another CA (07 2.6: publish current and next, move, drop the old): both programs as they are installed. @module */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { askLocal } from "#agent/host/local-socket.ts";
import type { AgentStatus } from "#agent/status.ts";
import { createDevelopmentCa } from "#certs/development-ca.ts";
import { writeBundle } from "#documents/bundle.ts";
import { enrolPair } from "#scripts/enrol-pair.ts";
import { AGENT, makePair, type Pair } from "#scripts/make-pair.ts";
import { adt, framed } from "#test/support/messages.ts";
import { MllpSocket } from "#test/support/mllp-socket.ts";
import { Started, startReceiver, until } from "#test/support/processes.ts";
import { programFile } from "#test/support/programs.ts";
import { KEYS, signed, trust } from "#test/support/signed-documents.ts";

const NAME = `${AGENT.tenant}/${AGENT.agent}`;

const documentOf = (version: number, receiverCas: readonly string[]): Uint8Array =>
  signed(
    "trust",
    trust({ version, tenant: AGENT.tenant, receiverCas: [...receiverCas] }),
    KEYS.trust.slice(0, 2),
  );

/** Installed, with a receiver of the CA `old`, and `next` to come. */
class Rotation implements AsyncDisposable {
  readonly pair: Pair;
  readonly folder: string;
  readonly old: string;
  readonly next: string;
  agent: Started | undefined;
  receiver: Started | undefined;

  private constructor(folder: string, pair: Pair, old: string, next: string) {
    this.folder = folder;
    this.pair = pair;
    this.old = old;
    this.next = next;
  }

  static async begin(): Promise<Rotation> {
    const folder = mkdtempSync(join(tmpdir(), "holdfast-rotation-"));
    const pair = await makePair({ folder, enrolling: true });
    const ca = await createDevelopmentCa("Receiver, next");
    const server = await ca.issueServer(["127.0.0.1", "localhost"]);
    const tls = join(folder, "receiver/tls");
    const keep = (name: string, pem: string): void =>
      writeFileSync(join(tls, name), pem, { mode: 0o600 });
    keep("next.crt", server.certificatePem);
    keep("next.key", server.privateKeyPem);
    keep("next-ca.crt", ca.certificatePem);
    const read = (name: string): string => readFileSync(join(tls, name), "utf8");
    keep("old.crt", read("server.crt"));
    keep("old.key", read("server.key"));
    keep("old-ca.crt", read("ca.crt"));
    const one = new Rotation(folder, pair, read("ca.crt"), ca.certificatePem);
    writeFileSync(join(folder, "receiver/trust.json"), documentOf(1, [one.old]));
    const keys = KEYS.trust.map(({ hex }) => hex);
    writeFileSync(join(folder, "agent/anchor.json"), JSON.stringify({ keys, threshold: 2 }));
    return one;
  }

  /** Its certificate is of that CA from now on. */
  async startReceiver(which: "old" | "next"): Promise<void> {
    await this.receiver?.end("SIGTERM");
    const tls = join(this.folder, "receiver/tls");
    for (const [from, to] of [
      [`${which}.crt`, "server.crt"],
      [`${which}.key`, "server.key"],
      [`${which}-ca.crt`, "ca.crt"],
    ] as const) {
      writeFileSync(join(tls, to), readFileSync(join(tls, from)), { mode: 0o600 });
    }
    this.receiver = startReceiver(this.pair.receiverConfig);
    await this.receiver.ready();
  }

  async startAgent(): Promise<void> {
    this.agent = new Started([
      ...[process.execPath, programFile("agent/main.ts"), "run"],
      ...["--config", this.pair.agentConfig, "--anchor", join(this.folder, "agent/anchor.json")],
    ]);
    await this.agent.ready();
  }

  get stateDir(): string {
    return join(this.folder, "agent/state");
  }

  async status(): Promise<AgentStatus> {
    const { answer } = (await askLocal(this.stateDir, { ask: "status" })) as {
      answer: AgentStatus;
    };
    return answer;
  }

  until(what: string, isIt: (status: AgentStatus) => boolean): Promise<void> {
    return until(what, async () => isIt(await this.status()));
  }

  /** It has been refused at TLS, and dials on. */
  untilRefused(): Promise<void> {
    return this.until("the receiver of a CA that is not listed is refused", ({ tunnel }) => {
      assert.notEqual(tunnel.state, "streaming");
      return tunnel.lastError === "TUNNEL_INTERCEPTED";
    });
  }

  /** Nobody waits for half a minute before a dial. */
  async untilStreaming(isIt: (status: AgentStatus) => boolean = () => true): Promise<void> {
    await until("it streams", async () => {
      const now = await this.status();
      if (now.tunnel.state === "streaming" && isIt(now)) return true;
      await askLocal(this.stateDir, { ask: "reconnect" });
      return false;
    });
  }

  run(program: "agent" | "receiver", ...args: readonly string[]): string {
    const config = program === "agent" ? this.pair.agentConfig : this.pair.receiverConfig;
    const command = [programFile(`${program}/main.ts`), ...args, "--config", config];
    const { status, stdout, stderr } = spawnSync(process.execPath, command, { encoding: "utf8" });
    assert.equal(status, 0, `${args.join(" ")}: ${stdout}${stderr}`);
    return stdout;
  }

  file(name: string, content: Uint8Array): string {
    const path = join(this.folder, name);
    writeFileSync(path, content);
    return path;
  }

  bundle(...trustChain: readonly Uint8Array[]): string {
    const parts = { trustChain, config: undefined, approvals: [], head: undefined };
    return this.file("stick.json", writeBundle(parts));
  }

  async acknowledged(id: string): Promise<void> {
    await using socket = await MllpSocket.open(this.pair.mllp.port);
    await socket.send(framed(adt(id)));
    assert.deepEqual(await socket.acknowledged(1), [`AA ${id}`]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.agent?.[Symbol.asyncDispose]();
    await this.receiver?.[Symbol.asyncDispose]();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

test("[07 1.9, 2.6] old and new CA are trusted, then the new one alone: the connection ends at once, also across a restart, and renewal goes there, too", async () => {
  await using one = await Rotation.begin();
  await one.startReceiver("old");
  await enrolPair(one.pair);
  await one.startAgent();
  await one.untilStreaming();
  const { session } = (await one.status()).tunnel;

  // Published through the tunnel: what runs goes on.
  const both = documentOf(2, [one.old, one.next]);
  one.run("receiver", "document", "send", NAME, one.file("both.json", both));
  await one.until("the second one is in force", (now) => now.configuration?.trustVersion === 2);
  const after = (await one.status()).tunnel;
  assert.deepEqual([after.state, after.session], ["streaming", session]);

  // Moved, and back: both are trusted.
  for (const which of ["next", "old"] as const) {
    await one.startReceiver(which);
    await one.untilStreaming();
  }

  // Dropped by a stick, while the receiver still shows the old one.
  const alone = documentOf(3, [one.next]);
  assert.match(one.run("agent", "config", "import", one.bundle(both, alone)), /accepted/);
  await one.untilRefused();
  await one.acknowledged("KEPT1");
  await one.agent?.end("SIGKILL");
  await one.startAgent();
  await one.untilRefused();

  // What can be reached again has all that was kept.
  await one.startReceiver("next");
  await one.untilStreaming();
  await one.until("it has arrived", ({ channels }) => Number(channels[0]?.waiting) === 0);
  const before = (await one.status()).identity.serial;
  one.run("agent", "identity", "renew");
  await one.untilStreaming(({ identity }) => identity.serial !== before && !identity.hasNext);
  const ended = await one.agent?.end("SIGTERM");
  assert.equal(ended?.code, 0);
});
