/**
 * The receiver, put together: store, local door, outlets, network door. Disposed in reverse: take no
 * more messages, drain the connections, hand on no more, answer no more commands, close the store.
 *
 * @module
 */
import { HEARTBEAT_MS } from "#protocol/limits.ts";
import { Budget } from "#streams/sink/credit.ts";
import { type AgentAlarms, openAlarms } from "./alarms.ts";
import { type Command, command, commands } from "./command.ts";
import { type Configuration, readTlsFiles } from "./configuration.ts";
import { type FleetConsole, openConsole } from "./console/server.ts";
import { CreditPool } from "./credit-pool.ts";
import { openOutcomes } from "./downstream/open-outcomes.ts";
import { openStatus } from "./downstream/open-status.ts";
import { telling, Waker } from "./downstream/waker.ts";
import { ReceiverError } from "./errors.ts";
import { type Chance, type Clock, systemChance } from "./host/clock.ts";
import type { Log } from "./host/log.ts";
import { openEnrolment } from "./identity/open-enrolment.ts";
import { Sweep } from "./identity/sweep.ts";
import { ASSEMBLING_MAX_BYTES, PROCESS_HELD_MAX_BYTES } from "./limits.ts";
import { LiveAgents } from "./live-agents.ts";
import { openDoor } from "./local-door.ts";
import { Arrivals, noting } from "./outlets/arrivals.ts";
import { type Handlers, type Outlets, openOutlets } from "./outlets/open-outlets.ts";
import { Presence } from "./presence.ts";
import { openRetention } from "./retention.ts";
import { type Sending, type Sent, send, sentMessages } from "./send.ts";
import { openServer } from "./server.ts";
import { doorOf, openStoreIn } from "./state-folder.ts";
import type { OutgoingRecord } from "./store/outgoing.ts";
import type { AgentName } from "./store/store.ts";

const HOUR_MS = 3_600_000;

export interface Receiver extends AsyncDisposable {
  readonly address: { readonly host: string; readonly port: number };
  /** Agents that are connected to this node. */
  connectionCount(): number;
  /** Where the fleet console is; undefined: it is not configured. */
  readonly consoleAddress: FleetConsole["address"] | undefined;
  /** Resolves with the error after which the process must end (S9). */
  readonly failed: Promise<ReceiverError>;
  /** How the platform gets what is stored here. */
  readonly outlets: Omit<Outlets, typeof Symbol.asyncDispose>;
  /**
   * Takes a message for a hospital system; it is durable when this resolves (TP34).
   *
   * @throws {ReceiverError} `AGENT_UNKNOWN`, `SEND_REFUSED`, `SEND_KEY_CONFLICT`, `STORE_FULL`
   */
  send(sending: Omit<Sending, "atMs">): Promise<Sent>;
  /**
   * What became of the messages of one channel, in the order in which they were sent.
   *
   * @throws {ReceiverError} `AGENT_UNKNOWN`
   */
  sent(channel: AgentName & { readonly channel: string }): AsyncIterable<OutgoingRecord>;
  /** Which alarms are open at each agent, as it has last said, in order of tenant and name (08 PL9). */
  alarms(): AsyncIterable<AgentAlarms>;
  /**
   * Takes a signed command for an agent; it is durable when this resolves (TP36).
   *
   * @throws {ReceiverError} `AGENT_UNKNOWN`, `COMMAND_REFUSED`, `SEND_KEY_CONFLICT`, `STORE_FULL`
   */
  command(command: Omit<Command, "atMs">): Promise<Sent>;
  /**
   * The commands of an agent, in the order in which they were taken, with what it answered.
   *
   * @throws {ReceiverError} `AGENT_UNKNOWN`
   */
  commands(agent: AgentName): AsyncIterable<OutgoingRecord>;
}

export interface ReceiverOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** [{@link HEARTBEAT_MS}] */
  readonly heartbeatMs?: number;
  /** [{@link systemChance}] */
  readonly chance?: Chance;
  /** What a platform that embeds the receiver does with messages; none if it does not. */
  readonly handlers?: Handlers | undefined;
}

/**
 * Opens a receiver that accepts traffic.
 *
 * @throws {ReceiverError} if any part cannot be opened; those opened before are closed again
 */
export async function openReceiver(
  configuration: Configuration,
  { clock, log, heartbeatMs = HEARTBEAT_MS, chance = systemChance, handlers }: ReceiverOptions,
): Promise<Receiver> {
  await using stack = new AsyncDisposableStack();
  const tls = readTlsFiles(configuration.tls);
  const opening = openStoreIn(configuration.stateDir, configuration.store, log);
  const arrivals = new Arrivals();
  const kept = noting(stack.use(await opening), arrivals);
  const live = new LiveAgents(stack.use(new Presence(kept, clock)));
  const wake = (agent: number): void => live.wake(agent);
  const waker = stack.use(await Waker.open({ store: kept, clock, wake }));
  const store = telling(kept, () => waker.look());
  const { trustDomain, listen, limits } = configuration;
  const maxSocketAgeMs = limits.maxSocketAgeHours * HOUR_MS;
  const { registry } = store;
  const sweep = stack.use(new Sweep({ registry, clock, chance, maxSocketAgeMs }));
  const enrolment = await openEnrolment(configuration, tls, clock);
  const door = { log, barred: () => sweep.look() };
  stack.use(await openDoor(doorOf(configuration.stateDir), store, door));
  const context = {
    store,
    clock,
    chance,
    log,
    isStoreFault: (error: unknown) => error instanceof ReceiverError,
    heartbeatMs,
    budget: new Budget(ASSEMBLING_MAX_BYTES),
    live,
    messageLimitBytes: configuration.messageLimitBytes,
    credit: new CreditPool(PROCESS_HELD_MAX_BYTES, clock),
    sweep,
  };
  const shared = { store, arrivals, clock, chance, log };
  const outlets = stack.use(await openOutlets(configuration.outlets, handlers, shared));
  stack.use(await openOutcomes(shared));
  stack.use(await openStatus(shared));
  stack.use(
    openRetention({
      ...{ store, clock, retainHours: configuration.retainHours },
      outlets: outlets.positions,
    }),
  );
  const facing = { ...tls, ...listen, ...limits, trustDomain, chance, enrolment };
  const shown = configuration.console && (await openConsole(configuration.console, shared));
  if (shown !== undefined) stack.use(shown);
  const server = stack.use(await openServer(facing, context));

  const opened = stack.move();
  return {
    address: server.address,
    connectionCount: () => server.connectionCount(),
    consoleAddress: shown?.address,
    failed: store.failed,
    outlets,
    send: (sending) => send(store, { ...sending, atMs: clock.nowMs() }),
    sent: (channel) => sentMessages(store, channel),
    alarms: () => openAlarms(store),
    command: (asked) => command(store, { ...asked, atMs: clock.nowMs() }),
    commands: (agent) => commands(store, agent),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}
