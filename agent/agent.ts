/**
 * The agent, put together: the only file that knows every part.
 *
 * Opened in the order outbox, tunnel, relay, ingest, local socket; disposed in reverse, so that a stop
 * takes no more messages, answers what it has read, drains the tunnel and then closes the store. If a
 * part fails to open, those before it are closed.
 *
 * @module
 */
import type { Role } from "#documents/role.ts";
import type { AgentOptions } from "./agent-options.ts";
import { alarmKeeper } from "./alarm-keeper.ts";
import { ChannelHolds } from "./channel-holds.ts";
import { CommandDesk } from "./command-desk.ts";
import { DOCUMENTS_CHANNEL } from "./configuration/documents-channel.ts";
import { isLifeCycleDamaged } from "./configuration/ledger.ts";
import { ControlIdTokens } from "./control-id-tokens.ts";
import type { ControlStage } from "./control-options.ts";
import { DamagedRows } from "./damaged-rows.ts";
import { AgentError, identifierFrom } from "./errors.ts";
import { Alarms } from "./health/alarms.ts";
import type { ChannelRecord } from "./health/channel-record.ts";
import { Conditions } from "./health/conditions.ts";
import { systemChance, systemClock } from "./host/clock.ts";
import { EventRing } from "./host/event-ring.ts";
import { storageKind } from "./host/file-system.ts";
import { ownPlace } from "./host/own-place.ts";
import { Tasks } from "./host/tasks.ts";
import { COMPILED_ANCHOR } from "./identity/anchor.ts";
import { IdentityDesk } from "./identity-desk.ts";
import { Doorway } from "./ingest/accept.ts";
import { FreeSpace } from "./ingest/free-space.ts";
import { StoreGate } from "./ingest/store-gate.ts";
import { localDesk } from "./local-desk.ts";
import { openLocalDoors } from "./local-doors.ts";
import {
  lastGoodState,
  type OpenedConfiguration,
  openConfiguration,
} from "./open-configuration.ts";
import { ANSWERS_CHANNEL, openControl } from "./open-control.ts";
import { openStatusPage } from "./open-status-page.ts";
import type { StoreChannel } from "./outbox/epochs/channel-tails.ts";
import { Outbox } from "./outbox/outbox.ts";
import type { StoreNotice } from "./outbox/writing/writer-messages.ts";
import { receiverOptions } from "./receiver-options.ts";
import { recordedLog } from "./recorded-log.ts";
import { type DeviceIdentity, Recording } from "./recording.ts";
import { openRelay } from "./relay/relay.ts";
import { downstreamOf, upstreamOf } from "./running/channel-set.ts";
import { RunningChannels } from "./running/running-channels.ts";
import { signedStanding } from "./signed-standing.ts";
import { type AgentStatus, statusOf } from "./status.ts";
import { STATUS_CHANNEL } from "./status-channel.ts";
import { hearNotice } from "./store-notices.ts";
import { storeSettings } from "./store-settings.ts";
import type { SupportDesk } from "./support-desk.ts";
import { type TraceResult, traceAll } from "./trace.ts";
import { isWayOpen } from "./tunnel/dial.ts";
import { Tunnel } from "./tunnel/tunnel.ts";
import { isUp } from "./tunnel-standing.ts";
import { type UpdateDesk, updateDesk } from "./update-desk.ts";
import { Watch } from "./watch.ts";

export class Agent implements AsyncDisposable {
  readonly #options: AgentOptions;
  readonly #events = new EventRing(systemClock);
  /** Where control ids may not be shown. */
  readonly #tokens: ControlIdTokens | undefined;
  readonly #startedAtMs = systemClock.nowMs();
  readonly #conditions = new Conditions();
  readonly #failed = Promise.withResolvers<AgentError>();
  readonly #damaged: DamagedRows;
  #stack = new AsyncDisposableStack();
  readonly #early: StoreNotice[] = [];
  #outbox: Outbox | undefined;
  #alarms: Alarms | undefined;
  #recording: Recording | undefined;
  #tunnel: Tunnel | undefined;
  #identity: IdentityDesk | undefined;
  #freeSpace: FreeSpace | undefined;
  #running: RunningChannels | undefined;
  #configuration: OpenedConfiguration | undefined;
  #support: SupportDesk | undefined;

  private constructor(options: AgentOptions) {
    const { logControlIds } = options.config;
    this.#tokens = logControlIds === "token" ? new ControlIdTokens(systemChance) : undefined;
    // What the ring holds leaves under tokens of another kind (08 5.3), and is written by nobody.
    const log = this.#events.over(this.#tokens?.log(options.log) ?? options.log);
    this.#options = { ...options, log };
    this.#damaged = new DamagedRows({
      ...{ conditions: this.#conditions, clock: systemClock, log },
      channelOf: (channel) => this.#channelOf(channel),
    });
  }

  /**
   * Opens every part. Messages are accepted when this resolves, whether or not the receiver can be
   * reached (03 A8).
   *
   * @throws {AgentError} the first part that could not be opened; nothing stays open
   */
  static async open(options: AgentOptions): Promise<Agent> {
    const agent = new Agent(options);
    await using stack = new AsyncDisposableStack();
    await agent.#open(stack);
    agent.#stack = stack.move();
    return agent;
  }

  /** What can be asked to become another set, while it runs. */
  get running(): RunningChannels {
    return this.#parts().running;
  }

  /** Resolves if a fault makes going on impossible. The sockets are closed by then. */
  get failed(): Promise<AgentError> {
    return this.#failed.promise;
  }

  /** Where hospital systems connect to. */
  get channels(): RunningChannels["ports"] {
    return this.#running?.ports ?? [];
  }

  async status(): Promise<AgentStatus> {
    const { outbox, tunnel, running, identity } = this.#parts();
    const found = statusOf({
      version: this.#options.version,
      startedAtMs: this.#startedAtMs,
      conditions: this.#conditions.list(),
      alarms: this.#alarms?.open ?? [],
      tunnel: tunnel.standing,
      identity: identity.status,
      configuration: this.#configuration?.desk.status,
      ...{ support: this.#support?.status, updates: this.#updates.shown },
      store: await outbox.standing(),
      freeBytes: this.#freeSpace?.freeBytes,
      running: running.listeners,
      drops: running.drops,
      senders: running.senders.statuses,
      inbox: await outbox.inbox.standing(),
    });
    return this.#tokens?.status(found) ?? found;
  }

  /** The journey of everything with this control id (MSH-10, as text), newest first, at most 50 of each kind. */
  trace(controlId: string): Promise<TraceResult> {
    return traceAll(this.#parts().outbox, controlId);
  }

  /** Stops in order, within the grace of the configuration; nothing acknowledged is lost either way. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }

  /** Hangs up on everybody now. A disposal under way goes on faster. */
  hangUp(): void {
    this.#running?.abort();
    this.#tunnel?.abort();
  }

  async #open(stack: AsyncDisposableStack): Promise<void> {
    const { config, log, version, credentials } = this.#options;
    const tasks = new Tasks((name, error) => this.#taskFailed(name, error));
    const conditions = this.#conditions;
    const noted = recordedLog(log, (draft) => this.#recording?.note([draft]));
    const identity = new IdentityDesk({ config, credentials, log: noted, conditions, tasks });
    this.#identity = identity;
    if (config.configSource === "signed" && this.#device === undefined) {
      throw new AgentError("DEVICE_KEY_ABSENT", {});
    }
    const outbox = stack.use(await this.#openOutbox());
    const recording = await this.#openRecording(outbox, stack);
    await identity.readTrust(outbox.trust);
    stack.use(tasks);
    stack.use(identity);
    const parts = { clock: systemClock, log, conditions: this.#conditions, tasks };
    const tunnel = Tunnel.open({
      ...parts,
      chance: systemChance,
      ...receiverOptions(config),
      identities: identity.identities,
      storeId: outbox.storeId,
      version,
    });
    this.#tunnel = stack.use(tunnel);
    const commands = new CommandDesk();
    if (this.#device !== undefined) tunnel.answerWith(commands);
    const inUse = (): void => {
      void recording.rekeyed();
      void this.#configuration?.configuration.enrolled();
    };
    identity.begin(() => tunnel.renewConnection(), inUse);
    const ownDownstream = this.#ownDownstream;
    const delivered = [...downstreamOf(config), ...ownDownstream];
    const rules = new Map(upstreamOf(config).map((channel) => [channel.name, channel]));
    const holds = await ChannelHolds.load(outbox.trust, { ...parts, audit: recording.audit });
    const relay = openRelay({ ...parts, outbox, tunnel, delivered, rules, holds });
    const probeIntervalMs = config.healthProbeSeconds * 1000;
    const gate = new StoreGate({ ...parts, probe: () => this.#probe(outbox), probeIntervalMs });
    stack.use(gate);
    const { stateDir, ballastBytes } = config;
    this.#freeSpace = await FreeSpace.open({ ...parts, stateDir, ballastBytes, outbox, gate });
    stack.use(this.#freeSpace);
    const running = await RunningChannels.open(config, {
      ...{ ...parts, outbox, relay, holds, chance: systemChance, ownDownstream },
      doorway: new Doorway({ ...parts, outbox, gate }),
      graceMs: config.shutdownGraceSeconds * 1000,
      sockets: this.#options.sockets,
      diskBudgetBytes: config.diskBudgetBytes,
      failed: (name, error) => this.#taskFailed(name, error),
    });
    this.#running = stack.use(running);
    this.#configuration = await this.#openConfiguration(stack, recording);
    const stage = { outbox, recording, running, commands, holds };
    const support = stack.use(this.#openSupport(stage));
    // An identity that came to be used meanwhile.
    inUse();
    const { maintenance, drill } = await this.#openWatch(stack, tasks);
    stack.use(openStatusPage(config, { ...parts, status: () => this.status() }));
    const desk = localDesk({
      ...{ outbox, relay, running, recording, identity, config, log, version, credentials, holds },
      ...{ support, damaged: this.#damaged, configuration: this.#configuration?.desk, maintenance },
      ...{ drill, updates: this.#updates },
      status: () => this.status(),
      trace: (controlId) => this.trace(controlId),
      reconnect: () => tunnel.dialNow(),
    });
    const { approverSocket } = config;
    const doors = { stateDir, approverSocket, audit: recording.audit, log };
    stack.use(await openLocalDoors(desk, doors));
    this.#updates.warn();
  }

  async #openWatch(stack: AsyncDisposableStack, tasks: Tasks): Promise<Watch> {
    const { outbox, running, tunnel } = this.#parts();
    const [recording, alarms] = [this.#recording, this.#alarms];
    if (!recording || !alarms) throw new AgentError("AGENT_NOT_RUNNING", {});
    const { config, log } = this.#options;
    const watch = await Watch.open({
      ...{ outbox, running, recording, alarms, conditions: this.#conditions, config, log },
      ...{ tunnel, tasks, status: () => this.status() },
      configuration: () => this.#configuration?.desk.status,
    });
    return stack.use(watch);
  }

  /** 03 E1: healthy means that there is room, and that a transaction is durable. */
  async #probe(outbox: Outbox): Promise<void> {
    this.#freeSpace?.refuseIfLow();
    await outbox.probe();
  }

  async #openOutbox(): Promise<Outbox> {
    const { config, log } = this.#options;
    const own = { upstream: this.#ownChannels, downstream: this.#ownDownstream };
    const outbox = await Outbox.open({
      ...storeSettings(config, this.#options.credentials, own),
      onNotice: (notice) => {
        const damaged = this.#damaged;
        hearNotice(notice, { log, conditions: this.#conditions, clock: systemClock, damaged });
        // Before it can be recorded, the store has to be open.
        if (this.#recording === undefined) this.#early.push(notice);
        else this.#recording.hear(notice);
      },
      onFatal: (error) => this.#fail(error),
    });
    this.#outbox = outbox;
    log.write("storeOpened", { channels: outbox.channels.length });
    if (storageKind(config.stateDir) === "volatile") {
      this.#conditions.open("volatileState", "", {}, systemClock.nowMs());
      log.write("volatileState", {});
    }
    return outbox;
  }

  /** Alarms before the audit: they go to the SIEM together. */
  async #openRecording(outbox: Outbox, stack: AsyncDisposableStack): Promise<Recording> {
    const { config, log, version, policyDigest } = this.#options;
    const keeper = alarmKeeper(outbox.trust);
    const conditions = this.#conditions;
    const alarms = await Alarms.open({ conditions, keeper, clock: systemClock, log });
    this.#alarms = stack.use(alarms);
    const device = this.#device;
    const { stateDir, auditKeepDays, siem, configSource } = config;
    const recording = await Recording.open({
      ...{ outbox, stateDir, version, auditKeepDays, siem, configSource, policyDigest, device },
      ...(device && {
        inspectLastGood: (bundle) => lastGoodState(bundle, device, config, this.#anchor),
      }),
      isDamaged: isLifeCycleDamaged,
      standing: () => signedStanding(this.#configuration?.configuration, this.#tunnel),
      ...{ clock: systemClock, chance: systemChance, log, conditions, alarms },
      notices: this.#early,
    });
    this.#recording = stack.use(recording);
    return recording;
  }

  /** Where heads and counts go up. */
  get #ownChannels(): readonly StoreChannel[] {
    const names = [STATUS_CHANNEL, ...(this.#device === undefined ? [] : [ANSWERS_CHANNEL])];
    return names.map((name) => ({ name }));
  }

  /** Where signed documents come down. */
  get #ownDownstream(): readonly string[] {
    return this.#device === undefined ? [] : [DOCUMENTS_CHANNEL];
  }

  get #anchor(): Role {
    return this.#options.anchor ?? COMPILED_ANCHOR;
  }

  async #openConfiguration(
    stack: AsyncDisposableStack,
    recording: Recording,
  ): Promise<OpenedConfiguration | undefined> {
    const { config, log, version, configFile } = this.#options;
    const { outbox, identity, tunnel, running } = this.#parts();
    const device = this.#device;
    if (device === undefined) return undefined;
    // Each step of it has its own limit.
    const { signal } = new AbortController();
    const way = { ...receiverOptions(config), clock: systemClock, signal };
    const opened = await openConfiguration({
      ...{ outbox, recording, running, device, config, configFile, version, log },
      ...{ anchor: this.#anchor, conditions: this.#conditions, clock: systemClock },
      enrolled: () => identity.trustChain,
      trusted: (held) => identity.trusts(held, tunnel),
      isTunnelUp: () => isUp(tunnel),
      isWayOpen: () => isWayOpen(way),
    });
    return stack.use(opened);
  }

  #openSupport(parts: ControlStage): SupportDesk {
    const { config, log } = this.#options;
    const [device, configuration] = [this.#device, this.#configuration?.configuration];
    this.#support = openControl({
      ...{ ...parts, config, log, conditions: this.#conditions, events: this.#events },
      enrolled: device && configuration && { device, configuration },
      ...{ status: () => this.status(), startedAtMs: this.#startedAtMs },
      skewMs: () => this.#tunnel?.standing.clockSkewMs,
      ownCertificate: () => this.#identity?.identities.identity().certificatePem,
      ...{ clock: systemClock, chance: systemChance },
    });
    return this.#support;
  }

  /** It keeps nothing: what it says lies in files. */
  get #updates(): UpdateDesk {
    const { outbox } = this.#parts();
    const floorMs = () => this.#configuration?.configuration.ledger.time.floorMs ?? 0;
    const conditions = this.#conditions;
    return updateDesk(this.#options.config, { floorMs, conditions, probe: () => outbox.probe() });
  }

  get #device(): DeviceIdentity | undefined {
    return this.#options.device ?? this.#identity?.device;
  }

  #channelOf(channel: number): { name: string; record: ChannelRecord | undefined } {
    const tail = this.#outbox?.channels.find((one) => one.channel === channel);
    const name = tail?.name ?? String(channel);
    return { name, record: this.#running?.recordOf(name) };
  }

  #taskFailed(name: string, error: unknown): void {
    const fault =
      error instanceof AgentError
        ? error
        : new AgentError("AGENT_DEFECT", ownPlace(error), { cause: error });
    const named = { task: identifierFrom(name), code: identifierFrom(fault.code) };
    this.#options.log.write("taskFailed", { ...fault.facts, ...named });
    if (fault.disposition === "halt") this.#fail(fault);
  }

  /** 05 S9: the sockets are closed before anybody learns of it; then the process ends. */
  #fail(error: AgentError): void {
    this.hangUp();
    this.#failed.resolve(error);
  }

  #parts(): {
    readonly outbox: Outbox;
    readonly tunnel: Tunnel;
    readonly running: RunningChannels;
    readonly identity: IdentityDesk;
  } {
    const [outbox, tunnel] = [this.#outbox, this.#tunnel];
    const [running, identity] = [this.#running, this.#identity];
    if (!outbox || !tunnel || !running || !identity) throw new AgentError("AGENT_NOT_RUNNING", {});
    return { outbox, tunnel, running, identity };
  }
}
