/**
 * The agent, put together: the only file that knows every part.
 *
 * Opened in the order outbox, tunnel, relay, ingest, local socket; disposed in reverse, so that a stop
 * takes no more messages, answers what it has read, drains the tunnel and then closes the store. If a
 * part fails to open, those before it are closed.
 *
 * @module
 */
import type { FileDropConfig } from "#config/file-drop.ts";
import type { ChannelConfig, LocalConfig } from "#config/local.ts";
import { isEveryInterface, isEveryone, isLoopback } from "#config/mllp-listener.ts";
import { ChannelDesk } from "./channel-desk.ts";
import {
  channelRules,
  kekCustody,
  listenerSettings,
  shareBytes,
  storeChannel,
} from "./channel-options.ts";
import { DamagedRows } from "./damaged-rows.ts";
import { openSenders, type Senders } from "./deliver/senders.ts";
import { dropRules, dropSettings } from "./drop-options.ts";
import { AgentError, identifierFrom } from "./errors.ts";
import { FilesDesk } from "./files-desk.ts";
import { FolderHand } from "./folders/hand.ts";
import { ChannelRecord } from "./health/channel-record.ts";
import { Conditions } from "./health/conditions.ts";
import { systemChance, systemClock } from "./host/clock.ts";
import { storageKind } from "./host/file-system.ts";
import { LocalSocket } from "./host/local-socket.ts";
import type { Log } from "./host/log.ts";
import { Tasks } from "./host/tasks.ts";
import { IdentityDesk } from "./identity-desk.ts";
import { Doorway } from "./ingest/accept.ts";
import type { AcceptingChannel, ChannelRules } from "./ingest/channel.ts";
import { FileDrop } from "./ingest/file-drop/file-drop.ts";
import { FreeSpace } from "./ingest/free-space.ts";
import { MllpListener } from "./ingest/mllp/listener.ts";
import { StoreGate } from "./ingest/store-gate.ts";
import { answerLocal, type LocalDesk } from "./local-questions.ts";
import { Outbox } from "./outbox/outbox.ts";
import { QuarantineDesk } from "./quarantine-desk.ts";
import { receiverOptions } from "./receiver-options.ts";
import { openRelay } from "./relay/relay.ts";
import { loadKek } from "./sealing/kek.ts";
import { deliveredBy, folderSettings, senderSettings } from "./sender-options.ts";
import { type AgentStatus, type RunningChannel, type RunningDrop, statusOf } from "./status.ts";
import { hearNotice } from "./store-notices.ts";
import { type TraceRow, traceRows } from "./trace.ts";
import { Tunnel } from "./tunnel/tunnel.ts";
import { UpkeepDesk } from "./upkeep-desk.ts";

export interface AgentOptions {
  readonly config: LocalConfig;
  readonly version: string;
  readonly log: Log;
  /** `$CREDENTIALS_DIRECTORY`, where a service manager sets it. */
  readonly credentials?: string | undefined;
}

export class Agent implements AsyncDisposable {
  readonly #options: AgentOptions;
  readonly #startedAtMs = systemClock.nowMs();
  readonly #conditions = new Conditions();
  readonly #failed = Promise.withResolvers<AgentError>();
  readonly #running: RunningChannel[] = [];
  readonly #drops: RunningDrop[] = [];
  readonly #damaged: DamagedRows;
  #stack = new AsyncDisposableStack();
  #outbox: Outbox | undefined;
  #tunnel: Tunnel | undefined;
  #identity: IdentityDesk | undefined;
  #freeSpace: FreeSpace | undefined;
  #senders: Senders | undefined;

  private constructor(options: AgentOptions) {
    this.#options = options;
    this.#damaged = new DamagedRows({
      ...{ conditions: this.#conditions, clock: systemClock, log: options.log },
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

  /** Resolves if a fault makes going on impossible. The sockets are closed by then. */
  get failed(): Promise<AgentError> {
    return this.#failed.promise;
  }

  get channels(): readonly {
    readonly name: string;
    readonly host: string;
    readonly port: number;
  }[] {
    return this.#running.map(({ config: { name, host }, listener }) => ({
      name,
      host,
      port: listener.port,
    }));
  }

  async status(): Promise<AgentStatus> {
    const { outbox, tunnel, identity } = this.#parts();
    return statusOf({
      version: this.#options.version,
      startedAtMs: this.#startedAtMs,
      conditions: this.#conditions.list(),
      tunnel: tunnel.standing,
      identity: identity.status,
      store: await outbox.standing(),
      freeBytes: this.#freeSpace?.freeBytes,
      running: this.#running,
      drops: this.#drops,
      senders: this.#senders?.statuses ?? [],
      inbox: await outbox.inbox.standing(),
    });
  }

  /** The journey of every message with this control id (MSH-10, as text), newest first, at most 50. */
  trace(controlId: string): Promise<TraceRow[]> {
    return traceRows(this.#parts().outbox, controlId);
  }

  /** Stops in order, within the grace of the configuration; nothing acknowledged is lost either way. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }

  /** Hangs up on everybody now. A disposal under way goes on faster. */
  hangUp(): void {
    for (const { listener } of this.#running) listener.abort("hangUp");
    for (const { drop } of this.#drops) drop.abort();
    this.#senders?.abort();
    this.#tunnel?.abort();
  }

  async #open(stack: AsyncDisposableStack): Promise<void> {
    const { config, log, version, credentials } = this.#options;
    const tasks = new Tasks((name, error) => this.#taskFailed(name, error));
    const conditions = this.#conditions;
    const identity = new IdentityDesk({ config, credentials, log, conditions, tasks });
    this.#identity = identity;
    const outbox = await this.#openOutbox();
    stack.use(outbox);
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
    this.#tunnel = tunnel;
    stack.use(tunnel);
    identity.begin(() => tunnel.renewConnection());
    const delivered = deliveredBy(config);
    const sources = [...config.channels, ...config.drops];
    const rules = new Map(sources.map((channel) => [channel.name, channel]));
    const relay = openRelay({ ...parts, outbox, tunnel, delivered, rules });
    this.#senders = stack.use(await this.#openSenders(outbox, tasks));
    const probeIntervalMs = config.healthProbeSeconds * 1000;
    const gate = new StoreGate({ ...parts, probe: () => this.#probe(outbox), probeIntervalMs });
    stack.use(gate);
    const { stateDir, ballastBytes } = config;
    this.#freeSpace = await FreeSpace.open({ ...parts, stateDir, ballastBytes, outbox, gate });
    stack.use(this.#freeSpace);
    const doorway = new Doorway({ ...parts, outbox, gate });
    for (const channel of config.channels) await this.#openChannel(stack, channel, outbox, doorway);
    for (const drop of config.drops) this.#openDrop(stack, drop, outbox, doorway);
    const { exclusively } = identity;
    const desk: LocalDesk = {
      status: () => this.status(),
      trace: (controlId) => this.trace(controlId),
      reconnect: () => tunnel.dialNow(),
      quarantine: new QuarantineDesk({ outbox, log, config }),
      files: new FilesDesk({ outbox, config }),
      upkeep: new UpkeepDesk({ outbox, log, config, version, credentials, exclusively }),
      identity,
      channels: new ChannelDesk({
        outbox,
        relay,
        damaged: this.#damaged,
        log,
        senders: this.#senders,
      }),
    };
    const answer = async (request: unknown): Promise<unknown> => answerLocal(request, desk);
    stack.use(await LocalSocket.open(config.stateDir, answer));
  }

  /** 03 E1: healthy means that there is room, and that a transaction is durable. */
  async #probe(outbox: Outbox): Promise<void> {
    this.#freeSpace?.refuseIfLow();
    await outbox.probe();
  }

  async #openOutbox(): Promise<Outbox> {
    const { config, log } = this.#options;
    const outbox = await Outbox.open({
      stateDir: config.stateDir,
      allowVolatileState: config.allowVolatileState,
      channels: [...config.channels, ...config.drops].map(storeChannel),
      downstream: deliveredBy(config),
      duplicateMemoryKeys: config.duplicateMemoryKeys,
      diskBudgetBytes: config.diskBudgetBytes,
      ballastBytes: config.ballastBytes,
      retainHours: config.retainHours,
      ledgerDays: config.ledgerDays,
      kek: loadKek(kekCustody(config.kek, this.#options.credentials), config.stateDir),
      clock: systemClock,
      chance: systemChance,
      onNotice: (notice) => {
        const damaged = this.#damaged;
        hearNotice(notice, { log, conditions: this.#conditions, clock: systemClock, damaged });
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

  #openSenders(outbox: Outbox, tasks: Tasks): Promise<Senders> {
    const { config, log } = this.#options;
    return openSenders({
      ...{ log, tasks, clock: systemClock, chance: systemChance, conditions: this.#conditions },
      channels: config.senders.map((one) => ({ name: one.name, settings: senderSettings(one) })),
      folders: config.folderSenders.map((one) => ({
        ...{ name: one.name, settings: folderSettings(one) },
      })),
      queueOf: (channel) => outbox.inbox.queueOf(channel),
      graceMs: config.shutdownGraceSeconds * 1000,
    });
  }

  async #openChannel(
    stack: AsyncDisposableStack,
    config: ChannelConfig,
    outbox: Outbox,
    doorway: Doorway,
  ): Promise<void> {
    const { log } = this.#options;
    const rules = channelRules(config, shareBytes(this.#options.config));
    const channel = this.#accepting(config.name, rules, outbox);
    const { record } = channel;
    const listener = await MllpListener.open({
      channel,
      settings: listenerSettings(config),
      doorway,
      conditions: this.#conditions,
      clock: systemClock,
      log,
    });
    stack.defer(() => this.#closeListener(listener));
    this.#running.push({ config, record, listener });
    this.#warnIfOpen(config);
  }

  /** Its folder need not be there: that is a state of the channel (04 P3). */
  #openDrop(
    stack: AsyncDisposableStack,
    config: FileDropConfig,
    outbox: Outbox,
    doorway: Doorway,
  ): void {
    const { log } = this.#options;
    const { name } = config;
    const rules = dropRules(config, shareBytes(this.#options.config));
    const channel = this.#accepting(name, rules, outbox);
    const drop = new FileDrop(
      {
        ...{ channel, settings: dropSettings(config), doorway, log },
        ...{ claims: outbox.files.of(name), openHand: (asked) => FolderHand.open(asked) },
        ...{ conditions: this.#conditions, clock: systemClock, chance: systemChance },
      },
      (error) => this.#taskFailed(`file-drop.${name}`, error),
    );
    stack.defer(async () => {
      const graceMs = this.#options.config.shutdownGraceSeconds * 1000;
      using _budget = systemClock.after(graceMs, () => drop.abort());
      await drop[Symbol.asyncDispose]();
    });
    this.#drops.push({ name, record: channel.record, drop });
  }

  #accepting(name: string, rules: ChannelRules, outbox: Outbox): AcceptingChannel {
    const { log } = this.#options;
    const tail = outbox.channels.find((one) => one.name === name);
    if (tail === undefined) throw new AgentError("AGENT_DEFECT", { channels: 0 });
    const record = new ChannelRecord({ channel: name, clock: systemClock, log });
    return { name, id: tail.channel, record, rules };
  }

  /** 03 E8: a budget for what was read, then hang up. */
  async #closeListener(listener: MllpListener): Promise<void> {
    const graceMs = this.#options.config.shutdownGraceSeconds * 1000;
    using _budget = systemClock.after(graceMs, () => listener.abort("stopping"));
    await listener[Symbol.asyncDispose]();
  }

  /** What was written out and stays in sight all the same (03 C3, E2). */
  #warnIfOpen({ name, host, allow, tls, malformedReply }: ChannelConfig): void {
    const facts = { channel: identifierFrom(name) };
    const nowMs = systemClock.nowMs();
    if (malformedReply === "accept") this.#conditions.open("malformedAccepted", name, facts, nowMs);
    if (isLoopback(host) || tls !== undefined) return;
    if (isEveryInterface(host)) {
      this.#conditions.open("openToAllInterfaces", name, facts, nowMs);
    }
    const everyone = allow.some(isEveryone);
    if (!everyone) return;
    this.#conditions.open("openToAll", name, facts, nowMs);
    this.#options.log.write("allSourcesAllowed", facts);
  }

  #channelOf(channel: number): { name: string; record: ChannelRecord | undefined } {
    const tail = this.#outbox?.channels.find((one) => one.channel === channel);
    const name = tail?.name ?? String(channel);
    const running = this.#running.find(({ config }) => config.name === name);
    const drop = this.#drops.find((one) => one.name === name);
    return { name, record: (running ?? drop)?.record };
  }

  #taskFailed(name: string, error: unknown): void {
    const fault =
      error instanceof AgentError ? error : new AgentError("AGENT_DEFECT", {}, { cause: error });
    this.#options.log.write("taskFailed", {
      task: identifierFrom(name),
      code: identifierFrom(fault.code),
    });
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
    readonly identity: IdentityDesk;
  } {
    const [outbox, tunnel, identity] = [this.#outbox, this.#tunnel, this.#identity];
    if (outbox === undefined || tunnel === undefined || identity === undefined) {
      throw new AgentError("AGENT_NOT_RUNNING", {});
    }
    return { outbox, tunnel, identity };
  }
}
