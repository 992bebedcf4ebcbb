/**
 * A real agent and a real receiver whose time is told by a test, and everything that both say of alarms.
 *
 * Both have one clock, in steps that no heartbeat takes for a silence; the receiver's can be left behind.
 *
 * @module
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Sqlite from "better-sqlite3";
import { CONDITIONS, isCondition } from "#agent/health/catalogue.ts";
import { SilenceSchedule } from "#agent/health/silence-schedule.ts";
import { HOURS_A_WEEK } from "#agent/health/usual-silence.ts";
import { askLocal } from "#agent/host/local-socket.ts";
import { Outbox } from "#agent/outbox/outbox.ts";
import type { AgentStatus } from "#agent/status.ts";
import { STATUS_CHANNEL } from "#agent/status-channel.ts";
import { storeSettings } from "#agent/store-settings.ts";
import { createDevelopmentCa } from "#certs/development-ca.ts";
import { loadLocalConfig } from "#config/local.ts";
import { STORE_FILE } from "#receiver/store/sqlite/sqlite-store.ts";
import { freePort } from "#scripts/free-port.ts";
import type { LoopDisk } from "#test/support/loop-disk.ts";
import { adt, latin1 } from "#test/support/messages.ts";
import { type Started, until } from "#test/support/processes.ts";
import { type Answer, sendOnce } from "../mllp-sender.ts";
import type { SteppedClock } from "../stepped-clock.ts";
import { TroubledPair, type TroubledStatus } from "../troubled-pair.ts";

/** Below the silence after which a tunnel is given up, which is 30 s. */
const STEP_SECONDS = 25;
const DAY_MS = 86_400_000;
/** Every hour of the week had been as busy as that. */
const USUAL_SILENCE_MS = 60_000;
const BALLAST_BYTES = 3 * 1024 * 1024;

export interface Clocks {
  readonly agent: SteppedClock;
  readonly receiver: SteppedClock;
}

export class AlarmedSite implements AsyncDisposable {
  readonly pair: TroubledPair;
  readonly ports = { guarded: 0, secure: 0 };
  readonly #clocks: Clocks;
  readonly #stateDir: string;
  #agent: Started | undefined;
  #receiver: Started | undefined;
  /** Whether a sender of `adt` sends every two minutes. */
  isBusy = false;
  #sent = 0;
  #steps = 0;

  private constructor(pair: TroubledPair, clocks: Clocks, stateDir: string) {
    this.pair = pair;
    this.#clocks = clocks;
    this.#stateDir = stateDir;
  }

  static async open(disk: LoopDisk, clocks: Clocks): Promise<AlarmedSite> {
    const pair = await TroubledPair.make({
      agentYaml: "healthProbeSeconds: 1\n",
      moreChannels: ["pulse"],
    });
    const site = new AlarmedSite(pair, clocks, disk.stateDir);
    try {
      await site.#begin(disk);
      return site;
    } catch (error) {
      await site[Symbol.asyncDispose]();
      throw error;
    }
  }

  get folder(): string {
    return join(this.pair.folder, "agent");
  }

  /** Puts one in the place of the channel's, which ends in so many days. */
  async certificate(days: number): Promise<void> {
    const ca = await createDevelopmentCa("Hospital");
    const notAfter = new Date(Date.now() + days * DAY_MS);
    const issued = await ca.issueServer(["localhost"], { notAfter });
    for (const [name, pem] of [
      ["lab.key", issued.privateKeyPem],
      ["lab.crt", issued.certificatePem],
    ] as const) {
      writeFileSync(join(this.folder, `${name}.next`), pem, { mode: 0o600 });
      renameSync(join(this.folder, `${name}.next`), join(this.folder, name));
    }
  }

  async startReceiver(): Promise<void> {
    this.#receiver = await this.pair.receiver({ env: this.#clocks.receiver.env("allClocks") });
  }

  async killReceiver(): Promise<void> {
    await this.#receiver?.end("SIGKILL");
  }

  /** Time passes on both sides. @param isEnough ends it before */
  async passes(minutes: number, isEnough?: () => boolean | Promise<boolean>): Promise<void> {
    const { agent, receiver } = this.#clocks;
    for (let step = 0; step < (minutes * 60) / STEP_SECONDS; step++) {
      if ((await isEnough?.()) === true) return;
      for (const clock of [agent, receiver]) clock.set(clock.hours + STEP_SECONDS / 3_600);
      this.#steps += 1;
      if (this.isBusy && this.#steps % 5 === 0) await this.sends();
      await this.#beats();
    }
  }

  /**
   * A process that waits wakes by this, and finds what has fallen due. Where the tunnel is up the receiver's word is
   * awaited: on a busy machine it may come later than the next step, and would be taken for silence.
   */
  async #beats(): Promise<void> {
    this.#sent += 1;
    const port = this.pair.pair.ports["pulse"] ?? 0;
    const { kind } = await sendOnce(port, latin1(adt(`B${this.#sent}`)));
    await until("the receiver has it", async () => {
      const { tunnel, channels } = await this.#status();
      const pulse = channels.find(({ name }) => name === "pulse");
      // What is on its way to be up has limits, which a step would be beyond.
      if (/^(?:connecting|helloSent|resuming)$/.test(tunnel.state)) return false;
      return kind !== "accepted" || tunnel.state !== "streaming" || pulse?.waiting === 0;
    });
  }

  /** Time passes until the log says it. */
  async says(event: string, minutes: number): Promise<void> {
    const isSaid = (): boolean => this.logged().includes(event);
    await this.passes(minutes, isSaid);
    await until(`${event} after ${minutes} minutes, and not only: ${this.logged().join()}`, isSaid);
  }

  /** Time passes until the tunnel is up. */
  async streams(): Promise<void> {
    const isUp = async (): Promise<boolean> => (await this.#status()).tunnel.state === "streaming";
    await until("the tunnel streams", async () => {
      if (await isUp()) return true;
      const { state } = (await this.#status()).tunnel;
      // It waits to dial; else something real is on its way.
      if (state === "disconnected" || state === "sticky") await this.passes(STEP_SECONDS / 60);
      return await isUp();
    });
  }

  /** `code channel` of what an alarm explains now. */
  async explainedBy(code: string): Promise<string[]> {
    const { alarms } = (await this.#status()) as TroubledStatus & Pick<AgentStatus, "alarms">;
    const found = alarms.find((one) => one.code === code)?.suppressed ?? [];
    return found.map((one) => `${one.code} ${one.subject}`);
  }

  async sends(): Promise<Answer> {
    this.#sent += 1;
    return await sendOnce(this.pair.port, latin1(adt(`P${this.#sent}`)));
  }

  async #status(): Promise<TroubledStatus> {
    const asked = await askLocal(this.#stateDir, { ask: "status" });
    return (asked as { readonly answer: TroubledStatus }).answer;
  }

  /** `opened code channel`, in order, as the log has it. @throws {Error} for a runbook that is not that of its code */
  logged(): string[] {
    return linesOf(this.#agent?.errors ?? "").map(({ message, code, channel = "", runbook }) => {
      const path = isCondition(code) ? CONDITIONS[code].runbook : "";
      if (!path.endsWith(`/${runbook}`)) throw new Error(`${runbook} is not that of ${code}`);
      readFileSync(join(import.meta.dirname, "../../..", path));
      return `${message === "alarmOpened" ? "opened" : "closed"} ${code} ${channel}`.trim();
    });
  }

  /** The same, from one record of the receiver to the next; it is stopped for that. */
  async told(): Promise<string[]> {
    await this.#receiver?.end("SIGTERM");
    const told: string[] = [];
    let before: ReadonlySet<string> = new Set();
    for (const open of recordsIn(join(this.pair.folder, "receiver/state", STORE_FILE))) {
      for (const one of open) if (!before.has(one)) told.push(`opened ${one}`);
      for (const one of before) if (!open.has(one)) told.push(`closed ${one}`);
      before = open;
    }
    return told;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent?.[Symbol.asyncDispose]();
    await this.#receiver?.[Symbol.asyncDispose]();
    this.pair[Symbol.dispose]();
  }

  async #begin(disk: LoopDisk): Promise<void> {
    await this.#configure(disk);
    await this.certificate(20);
    await this.#learned();
    await this.startReceiver();
    this.#agent = await this.pair.agent({ env: this.#clocks.agent.env("allClocks") });
    await this.streams();
  }

  async #configure(disk: LoopDisk): Promise<void> {
    mkdirSync(disk.stateDir, { recursive: true, mode: 0o700 });
    const { agentConfig } = this.pair.pair;
    const written = readFileSync(agentConfig, "utf8");
    for (const name of ["guarded", "secure"] as const) this.ports[name] = await freePort();
    writeFileSync(
      agentConfig,
      `${written
        .replace("stateDir: state", `stateDir: ${disk.stateDir}`)
        .replace(/ballastBytes: \d+/, `ballastBytes: ${BALLAST_BYTES}`)}\
  - { name: guarded, kind: mllp-listener, host: 127.0.0.1, port: ${this.ports.guarded}, allow: [192.0.2.1] }
  - name: secure
    kind: mllp-listener
    host: 127.0.0.1
    port: ${this.ports.secure}
    tls: { certificate: lab.crt, key: lab.key, clientCertificate: optional }
`,
    );
  }

  /** What eight weeks would have taught it. */
  async #learned(): Promise<void> {
    const config = loadLocalConfig(this.pair.pair.agentConfig);
    const own = { upstream: [{ name: STATUS_CHANNEL }], downstream: [] };
    await using outbox = await Outbox.open({
      ...storeSettings(config, undefined, own),
      onNotice: () => {},
      onFatal: () => {},
    });
    const schedule = SilenceSchedule.empty();
    for (let hour = 0; hour < HOURS_A_WEEK; hour++) {
      for (let week = 0; week < 8; week++) schedule.learn({ hour, silenceMs: USUAL_SILENCE_MS });
    }
    await outbox.trust.note({ values: new Map([["note.silence.adt", schedule.bytes()]]) });
  }
}

interface AlarmLine {
  readonly message: string;
  readonly code: string;
  readonly channel?: string;
  readonly runbook: string;
}

/** The last line may still be on its way. */
const linesOf = (text: string): AlarmLine[] =>
  text
    .split("\n")
    .slice(0, -1)
    .filter((line) => line.includes('"alarmOpened"') || line.includes('"alarmClosed"'))
    .map((line) => JSON.parse(line) as AlarmLine);

/** What was open at each record of alarms on `$status`, oldest first. */
function recordsIn(file: string): ReadonlySet<string>[] {
  const db = new Sqlite(file, { readonly: true });
  try {
    const bodies = db
      .prepare("SELECT body FROM inbox WHERE channel = ? ORDER BY epoch, seq")
      .pluck()
      .all(STATUS_CHANNEL) as readonly Buffer[];
    return bodies
      .map((body) => JSON.parse(body.toString("utf8")) as AlarmRecord)
      .filter(({ record }) => record === "alarms")
      .map(({ alarms }) => new Set(alarms.map(({ code, channel }) => `${code} ${channel}`.trim())));
  } finally {
    db.close();
  }
}

interface AlarmRecord {
  readonly record: string;
  readonly alarms: readonly { readonly code: string; readonly channel: string }[];
}
