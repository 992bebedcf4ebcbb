/**
 * A machine with signed configuration: real store, real marks, real ports and folders, over any number of starts; with a
 * clock that a test holds in its hand, and without a tunnel.
 *
 * @module
 */
import assert from "node:assert/strict";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deviceKeyOf } from "#agent/audit/device-key.ts";
import type { AuditActor } from "#agent/audit/entry.ts";
import { type AuditEntry, readEntry } from "#agent/audit/entry.ts";
import { RUNS_VALUE } from "#agent/configuration/configuration.ts";
import { DOCUMENTS_CHANNEL } from "#agent/configuration/documents-channel.ts";
import { isLifeCycleDamaged } from "#agent/configuration/ledger.ts";
import type { DocumentOutcome } from "#agent/configuration/outcomes.ts";
import type { ConfigurationParts } from "#agent/configuration/parts.ts";
import { Conditions } from "#agent/health/conditions.ts";
import { systemChance, systemClock } from "#agent/host/clock.ts";
import type { Log } from "#agent/host/log.ts";
import { Tasks } from "#agent/host/tasks.ts";
import { Doorway } from "#agent/ingest/accept.ts";
import { StoreGate } from "#agent/ingest/store-gate.ts";
import { DISK_BUDGET_BYTES } from "#agent/limits.ts";
import {
  lastGoodState,
  type OpenedConfiguration,
  openConfiguration,
} from "#agent/open-configuration.ts";
import { type DeviceIdentity, Recording } from "#agent/recording.ts";
import { RunningChannels } from "#agent/running/running-channels.ts";
import { STATUS_CHANNEL } from "#agent/status-channel.ts";
import { type LocalConfig, loadLocalConfig } from "#config/local.ts";
import type { Logged } from "./agent-stack.ts";
import { ManualClock } from "./clocks.ts";
import { NOW_MS } from "./configured-documents.ts";
import { until } from "./processes.ts";
import { EMPTY_SET } from "./running-stage.ts";
import { ANCHOR, KEYS, RECIPIENT } from "./signed-documents.ts";
import { TestOutbox } from "./test-outbox.ts";

const OPERATOR: AuditActor = { kind: "local", id: "anna", claimed: true };
const CHANNELS = [{ name: STATUS_CHANNEL }];

/** What the hospital allows where a test says nothing: one address, and every port of it. */
const POLICY = `  listenAddresses: ["127.0.0.1"]
  sourceNetworks: ["127.0.0.0/8", "::1"]
  probationMinutes: 2
`;

export interface SiteOptions {
  /** Lines of the policy block, two spaces deep, behind {@link POLICY}. */
  readonly policy?: string;
  /** Instead of all. */
  readonly ports?: string;
  readonly configSource?: "local" | "signed";
  /** Instead of a folder of its own. */
  readonly stateDir?: string;
}

/** One start of the agent, as far as configuration goes. */
export class Machine implements AsyncDisposable {
  readonly conditions: Conditions;
  readonly opened: OpenedConfiguration;
  readonly running: RunningChannels;
  readonly recording: Recording;
  readonly outbox: TestOutbox;
  readonly logged: readonly Logged[];
  readonly #stack: AsyncDisposableStack;

  constructor(
    parts: Pick<Machine, "conditions" | "opened" | "running" | "recording" | "outbox" | "logged">,
    stack: AsyncDisposableStack,
  ) {
    this.conditions = parts.conditions;
    this.opened = parts.opened;
    this.running = parts.running;
    this.recording = parts.recording;
    this.outbox = parts.outbox;
    this.logged = parts.logged;
    this.#stack = stack;
  }

  get desk() {
    return this.opened.desk;
  }

  /** Of the newest configuration. */
  get state(): string | undefined {
    return this.desk.status.newest?.state;
  }

  /** Ports that are open now. */
  get ports(): number[] {
    return this.running.listeners.map(({ listener: { port } }) => port);
  }

  get conditionNames(): string[] {
    return this.conditions.list().map(({ condition }) => condition);
  }

  /** As the receiver's channel brings it, without the store between. */
  take(envelope: Uint8Array): Promise<DocumentOutcome> {
    return this.opened.configuration.take(envelope, { kind: "receiver", id: DOCUMENTS_CHANNEL });
  }

  /** @returns the code by which it was refused; else the state */
  async taken(envelope: Uint8Array): Promise<string> {
    const outcome = await this.take(envelope);
    return outcome.kind === "refused" ? outcome.code : outcome.state;
  }

  /** @returns the same for each document of the bundle */
  async imported(bundle: Uint8Array): Promise<string[]> {
    const answer = await this.desk.import(Buffer.from(bundle).toString("base64"), OPERATOR);
    assert.ok("done" in answer, JSON.stringify(answer));
    return answer.done.map((one) => `${one.type} ${one.kind === "refused" ? one.code : one.state}`);
  }

  /** @returns the state, or the code of what was wrong */
  async approved(digest: string, decision: "approve" | "reject" = "approve"): Promise<string> {
    const answer = await this.desk.decide(digest, decision, OPERATOR);
    return "done" in answer ? (answer.done.newest?.state ?? "-") : answer.fault.code;
  }

  async rolledBack(): Promise<string> {
    const answer = await this.desk.rollBack(OPERATOR);
    return "done" in answer ? (answer.done.newest?.state ?? "-") : answer.fault.code;
  }

  async repaired(bundle?: Uint8Array): Promise<string> {
    const base64 = bundle && Buffer.from(bundle).toString("base64");
    const answer = await this.desk.repair(base64, OPERATOR);
    return "done" in answer ? "repaired" : answer.fault.code;
  }

  /** Whatever was under way is done. */
  async settled(): Promise<void> {
    await this.opened.configuration.inTurn(async () => {});
  }

  until(state: string): Promise<void> {
    return until(
      `the configuration is ${state}, and not ${this.state}`,
      () => this.state === state,
    );
  }

  /** What the audit says, as `action decision`. */
  async audit(prefix = ""): Promise<string[]> {
    const rows = await this.outbox.outbox.trust.auditPage(0, 500);
    return rows
      .flatMap(({ bytes }): AuditEntry[] => {
        const entry = readEntry(bytes);
        return entry === undefined ? [] : [entry];
      })
      .filter(({ action }) => action.startsWith(prefix))
      .map(({ action, decision }) => (decision === undefined ? action : `${action} ${decision}`));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

export interface Senses
  extends Partial<Pick<ConfigurationParts, "isTunnelUp" | "isWayOpen" | "trusted">> {
  /** Stands before the audit: what it does to a record is done to a step of the life cycle. */
  readonly audit?: (real: ConfigurationParts["audit"]) => ConfigurationParts["audit"];
}

export class Site implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), "holdfast-site-"));
  readonly clock = new ManualClock(NOW_MS);
  readonly outbox: TestOutbox;
  device: DeviceIdentity = {
    ...{ key: deviceKeyOf(KEYS.device[0].privateKey), ...RECIPIENT },
    generation: () => 1,
  };
  options: SiteOptions;
  /** Envelopes of the chain that came with its identity. */
  enrolled: readonly Uint8Array[] = [];

  private constructor(outbox: TestOutbox, options: SiteOptions) {
    this.outbox = outbox;
    this.options = options;
  }

  static async make(options: SiteOptions = {}): Promise<Site> {
    return new Site(
      await TestOutbox.open({
        ...{ channels: CHANNELS, downstream: [DOCUMENTS_CHANNEL] },
        ...(options.stateDir === undefined ? {} : { stateDir: options.stateDir }),
      }),
      options,
    );
  }

  get stateDir(): string {
    return this.options.stateDir ?? this.outbox.stateDir;
  }

  get local(): LocalConfig {
    const { configSource = "signed", policy = "", ports = '["1024-65535"]' } = this.options;
    const file = join(this.folder, "conf/local.yaml");
    mkdirSync(join(this.folder, "conf"), { recursive: true });
    const channels =
      configSource === "local"
        ? "channels:\n  - { name: own, kind: mllp-listener, port: 0 }\n"
        : "";
    writeFileSync(
      file,
      `stateDir: ${JSON.stringify(this.stateDir)}
statusPage: off
receiver: { url: wss://gateway.example.org }
configSource: ${configSource}
policy:
${POLICY}  listenPorts: ${ports}
${policy}${channels}`,
    );
    return loadLocalConfig(file);
  }

  /** Remembers the state folder of a machine that is off. */
  async keep(): Promise<void> {
    await this.outbox.close();
    cpSync(this.stateDir, this.#kept, { recursive: true });
  }

  /** As it was then. */
  async reset(): Promise<void> {
    await this.outbox.close();
    rmSync(this.stateDir, { recursive: true });
    cpSync(this.#kept, this.stateDir, { recursive: true });
  }

  get #kept(): string {
    return join(this.folder, "kept");
  }

  /** One start that ends as a killed process does: nothing is said of its end. */
  async crash(): Promise<void> {
    const machine = await this.start();
    await machine[Symbol.asyncDispose]();
    const outbox = await this.outbox.reopen();
    await outbox.trust.note({ values: new Map([[RUNS_VALUE, Buffer.from("1")]]) });
    await this.outbox.close();
  }

  /** One start; ended by disposal. @throws {AgentError} why it does not start */
  async start(senses: Senses = {}): Promise<Machine> {
    const stack = new AsyncDisposableStack();
    try {
      return await this.#start(stack, senses);
    } catch (error) {
      await stack.disposeAsync();
      throw error;
    }
  }

  async #start(stack: AsyncDisposableStack, senses: Senses): Promise<Machine> {
    const outbox = await this.outbox.reopen();
    stack.defer(() => this.outbox.close());
    const logged: Logged[] = [];
    const log: Log = {
      write: (event, facts) => void logged.push({ event, facts }),
      fault: (event, { facts, code, cause }) =>
        void logged.push({ event, facts: { ...facts, code, cause } as never }),
    };
    const conditions = new Conditions();
    const { device, stateDir, local, clock } = this;
    const opened: { current?: OpenedConfiguration } = {};
    const recording = stack.use(
      await Recording.open({
        ...{ outbox, stateDir, version: "1.2.3", auditKeepDays: 2_190, device },
        configSource: local.configSource,
        inspectLastGood: (bundle) => lastGoodState(bundle, device, local, ANCHOR),
        isDamaged: isLifeCycleDamaged,
        ...{ clock: systemClock, chance: systemChance, log, conditions },
      }),
    );
    const parts = { clock: systemClock, log, conditions };
    const gate = stack.use(
      new StoreGate({ ...parts, probe: () => outbox.probe(), probeIntervalMs: 50 }),
    );
    const tasks = stack.use(
      new Tasks(
        (_name, error) => void logged.push({ event: "taskFailed", facts: { error } as never }),
      ),
    );
    const running = stack.use(
      await RunningChannels.open(EMPTY_SET, {
        ...{ ...parts, outbox, tasks, chance: systemChance, graceMs: 500 },
        ...{ ownDownstream: [DOCUMENTS_CHANNEL], diskBudgetBytes: DISK_BUDGET_BYTES },
        doorway: new Doorway({ ...parts, outbox, gate }),
        relay: { follow: () => {} },
        failed: (_name, error) =>
          void logged.push({ event: "taskFailed", facts: { error } as never }),
      }),
    );
    opened.current = stack.use(
      await openConfiguration({
        ...{ outbox, running, device, config: local, version: "1.2.3", log },
        recording: withAudit(recording, senses.audit?.(recording.audit) ?? recording.audit),
        ...{ anchor: ANCHOR, conditions, clock, configFile: undefined },
        ...{ enrolled: () => this.enrolled, trusted: senses.trusted ?? (() => {}) },
        isTunnelUp: senses.isTunnelUp ?? (() => false),
        isWayOpen: senses.isWayOpen ?? (async () => true),
      }),
    );
    const found = {
      conditions,
      opened: opened.current,
      running,
      recording,
      outbox: this.outbox,
      logged,
    };
    return new Machine(found, stack);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.outbox[Symbol.asyncDispose]();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** The same recording, with another audit for whoever changes configuration. */
const withAudit = (
  recording: Recording,
  audit: ConfigurationParts["audit"],
): Parameters<typeof openConfiguration>[0]["recording"] => ({
  audit,
  keeper: recording.keeper,
  signedStatus: () => recording.signedStatus(),
});

/** Lets a probation pass, look by look: each looks at what has become of the one before. */
export async function passed(clock: ManualClock, ms: number): Promise<void> {
  for (let done = 0; done < ms; done += 5_000) {
    clock.advance(5_000);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
