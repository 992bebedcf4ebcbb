/**
 * The agent, put together: the only file that knows every part.
 *
 * Opened in the order outbox, tunnel, relay, ingest, local socket; disposed in reverse, so that a stop
 * takes no more messages, answers what it has read, drains the tunnel and then closes the store. If a
 * part fails to open, those before it are closed.
 *
 * @module
 */
import { loadIdentity } from "#certs/identity.ts";
import { type ChannelConfig, isLoopback, type LocalConfig } from "#config/local.ts";
import { AgentError, identifierFrom } from "./errors.ts";
import { Conditions } from "./health/conditions.ts";
import { ChannelCounters } from "./health/counters.ts";
import { systemChance, systemClock } from "./host/clock.ts";
import { storageKind } from "./host/file-system.ts";
import { LocalSocket } from "./host/local-socket.ts";
import type { Log } from "./host/log.ts";
import { Tasks } from "./host/tasks.ts";
import { Doorway } from "./ingest/accept.ts";
import { MllpListener } from "./ingest/mllp/listener.ts";
import type { ListenerOptions } from "./ingest/mllp/listener-options.ts";
import { StoreGate } from "./ingest/store-gate.ts";
import { Outbox } from "./outbox/outbox.ts";
import type { TracedMessage } from "./outbox/reader.ts";
import { openRelay } from "./relay/relay.ts";
import { type AgentStatus, type RunningChannel, statusOf } from "./status.ts";
import { Tunnel } from "./tunnel/tunnel.ts";

export interface AgentOptions {
  readonly config: LocalConfig;
  readonly version: string;
  readonly log: Log;
}

/** A message as `trace` prints it. */
export interface TraceRow {
  readonly channel: string;
  readonly epoch: number;
  readonly seq: number;
  readonly receivedAt: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly source: string;
  readonly controlIdReused: boolean;
  readonly ack: TracedMessage["ack"];
  readonly delivery: "stored" | "accepted";
}

export class Agent implements AsyncDisposable {
  readonly #options: AgentOptions;
  readonly #startedAtMs = systemClock.nowMs();
  readonly #conditions = new Conditions();
  readonly #failed = Promise.withResolvers<AgentError>();
  readonly #running: RunningChannel[] = [];
  #stack = new AsyncDisposableStack();
  #outbox: Outbox | undefined;
  #tunnel: Tunnel | undefined;

  private constructor(options: AgentOptions) {
    this.#options = options;
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
    return this.#running.map(({ name, host, listener }) => ({ name, host, port: listener.port }));
  }

  async status(): Promise<AgentStatus> {
    const { outbox, tunnel } = this.#parts();
    return statusOf({
      version: this.#options.version,
      startedAtMs: this.#startedAtMs,
      conditions: this.#conditions.list(),
      tunnel: tunnel.standing,
      store: await outbox.standing(),
      running: this.#running,
    });
  }

  /** The journey of every message with this control id (MSH-10, as text), newest first, at most 50. */
  async trace(controlId: string): Promise<TraceRow[]> {
    const { outbox } = this.#parts();
    const [found, standing] = [
      await outbox.trace(Buffer.from(controlId, "latin1")),
      await outbox.standing(),
    ];
    return found.map((message) => {
      const tail = standing.channels.find(({ channel }) => channel === message.channel);
      const accepted = tail !== undefined && message.seq <= tail.ackedSeq;
      return {
        channel: tail?.name ?? String(message.channel),
        epoch: Number(message.epoch),
        seq: Number(message.seq),
        receivedAt: new Date(message.receivedAtMs).toISOString(),
        bytes: message.length,
        sha256: Buffer.from(message.sha256).toString("hex"),
        source: message.source,
        controlIdReused: message.controlIdReused,
        ack: message.ack,
        delivery: accepted ? "accepted" : "stored",
      };
    });
  }

  /** Stops in order, within the grace of the configuration; nothing acknowledged is lost either way. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }

  /** Hangs up on everybody now. A disposal under way goes on faster. */
  hangUp(): void {
    for (const { listener } of this.#running) listener.abort("hangUp");
    this.#tunnel?.abort();
  }

  async #open(stack: AsyncDisposableStack): Promise<void> {
    const { config, log, version } = this.#options;
    const identity = loadIdentity(config.identity);
    const tasks = new Tasks((name, error) => this.#taskFailed(name, error));
    const outbox = await this.#openOutbox();
    stack.use(outbox);
    stack.use(tasks);
    const parts = { clock: systemClock, log, conditions: this.#conditions, tasks };
    const tunnel = Tunnel.open({
      ...parts,
      chance: systemChance,
      receiverUrl: new URL(config.receiver.url),
      identity,
      storeId: outbox.storeId,
      version,
    });
    this.#tunnel = tunnel;
    stack.use(tunnel);
    openRelay({ ...parts, outbox, tunnel });
    const gate = new StoreGate({ ...parts, probe: () => outbox.probe() });
    stack.use(gate);
    const doorway = new Doorway({ ...parts, outbox, gate });
    for (const channel of config.channels) await this.#openChannel(stack, channel, outbox, doorway);
    const answer = (request: unknown): Promise<unknown> => this.#answer(request);
    stack.use(await LocalSocket.open(config.stateDir, answer));
  }

  async #openOutbox(): Promise<Outbox> {
    const { config, log } = this.#options;
    const outbox = await Outbox.open({
      stateDir: config.stateDir,
      allowVolatileState: config.allowVolatileState,
      channels: config.channels.map(({ name }) => name),
      clock: systemClock,
      chance: systemChance,
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

  async #openChannel(
    stack: AsyncDisposableStack,
    config: ChannelConfig,
    outbox: Outbox,
    doorway: Doorway,
  ): Promise<void> {
    const { log } = this.#options;
    const tail = outbox.channels.find(({ name }) => name === config.name);
    if (tail === undefined) throw new AgentError("AGENT_DEFECT", { channels: 0 });
    const counters = new ChannelCounters();
    const { ackMode, neAlAsOriginal, allowEmptyControlId } = config;
    const channel = {
      name: config.name,
      id: tail.channel,
      counters,
      ackPolicy: { ackMode, neAlAsOriginal },
      allowEmptyControlId,
    };
    const options: ListenerOptions = {
      channel,
      settings: listenerSettings(config),
      doorway,
      conditions: this.#conditions,
      clock: systemClock,
      log,
    };
    const listener = await MllpListener.open(options);
    stack.defer(() => this.#closeListener(listener));
    this.#running.push({ name: config.name, host: config.host, counters, listener });
    this.#warnIfOpenToAll(config);
  }

  /** 03 E8: a budget for what was read, then hang up. */
  async #closeListener(listener: MllpListener): Promise<void> {
    const graceMs = this.#options.config.shutdownGraceSeconds * 1000;
    using _budget = systemClock.after(graceMs, () => listener.abort("stopping"));
    await listener[Symbol.asyncDispose]();
  }

  /** 03 C3: all sources were written out, and that stays in sight. */
  #warnIfOpenToAll({ name, host, allow }: ChannelConfig): void {
    const everyone = allow.some((entry) => /^(?:0\.0\.0\.0|::)\/0$/.test(entry));
    if (isLoopback(host) || !everyone) return;
    const facts = { channel: identifierFrom(name) };
    this.#conditions.open("openToAll", name, facts, systemClock.nowMs());
    this.#options.log.write("allSourcesAllowed", facts);
  }

  async #answer(request: unknown): Promise<unknown> {
    const { ask, controlId } = request as { ask?: unknown; controlId?: unknown };
    if (ask === "status") return this.status();
    if (ask === "trace" && typeof controlId === "string") return this.trace(controlId);
    throw new TypeError("Cannot answer an unknown question");
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

  #parts(): { readonly outbox: Outbox; readonly tunnel: Tunnel } {
    if (this.#outbox === undefined || this.#tunnel === undefined) {
      throw new AgentError("AGENT_NOT_RUNNING", {});
    }
    return { outbox: this.#outbox, tunnel: this.#tunnel };
  }
}

function listenerSettings(config: ChannelConfig): ListenerOptions["settings"] {
  return {
    host: config.host,
    port: config.port,
    allow: config.allow,
    maxConnections: config.maxConnections,
    blockMaxBytes: config.maxBlockBytes,
    lenientEnd: config.lenientEnd,
    endOfBlockWaitMs: config.endOfBlockWaitMilliseconds,
    blockIdleTimeoutMs: config.blockIdleTimeoutSeconds * 1000,
    blockMaxMs: config.blockMaxSeconds * 1000,
  };
}
