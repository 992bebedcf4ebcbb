/**
 * The store that many nodes share: a {@link Store} over PostgreSQL. What can be said in one function
 * call of the database is, and the database carries it out; see `channel-functions.ts`.
 *
 * A call that failed but may succeed later is answered `busy`, with whatever became of it: who asked
 * makes the same call again (`StoreCalls`), and that has one effect (TP19). Only reading is refused.
 *
 * @module
 */
import type { Pool } from "pg";
import { LARGE_MESSAGE_BYTES } from "#protocol/limits.ts";
import type {
  GapKind,
  IngestCall,
  IngestResult,
  OpenCall,
  OpenResult,
  PartialCall,
  PartialResult,
  SkipCall,
} from "#streams/sink/sink-store.ts";
import type { ReceiverError } from "../../errors.ts";
import { BODY_SLICE_MAX_BYTES, PAGE_MAX_BYTES, PAGE_MAX_COUNT } from "../../limits.ts";
import type { AlarmReports } from "../alarms.ts";
import type { ConsoleRecords } from "../console.ts";
import type { Heads } from "../heads.ts";
import type { HourLedger } from "../hours.ts";
import type { OutgoingStore } from "../outgoing.ts";
import type { OutletStore } from "../outlets.ts";
import type { Registry } from "../registry.ts";
import type {
  AddAgentCall,
  AddAgentResult,
  AgentName,
  AgentRecord,
  MessagesCall,
  Store,
} from "../store.ts";
import type { WholeStore } from "../whole-store.ts";
import { alarmsOver } from "./alarm-step.ts";
import { readBody, sweep, verifiedBody } from "./bodies.ts";
import { consoleOver } from "./console-step.ts";
import { type DatabaseOptions, openPool } from "./database.ts";
import { Days } from "./days.ts";
import { faultOf, isOfOneCall, reasonOf, reportOf } from "./faults.ts";
import { hello } from "./greeting-step.ts";
import { headsOver } from "./head-step.ts";
import { hoursOver } from "./hour-step.ts";
import { ingestValues } from "./ingest-values.ts";
import { Lanes } from "./lanes.ts";
import { migrate } from "./migrations.ts";
import * as outgoing from "./outgoing-step.ts";
import { findGaps, findPosition, movePosition } from "./outlet-step.ts";
import { Questions } from "./questions.ts";
import { type Asking, registryOver } from "./registry-step.ts";
import * as row from "./rows.ts";

/**
 * Opens the store, making its tables if they are not there.
 *
 * @throws {ReceiverError} `STORE_UNREACHABLE`, `STORE_REFUSED`, `STORE_SETTINGS`,
 *   `STORE_SCHEMA_NEWER`, `STORE_DATABASE`. No connection is left then
 */
export async function openPostgresStore(options: DatabaseOptions): Promise<WholeStore> {
  const pool = openPool(options);
  try {
    const client = await pool.connect();
    // Whatever is lost shows as the failure of the statement.
    const ignore = (): void => {};
    client.on("error", ignore);
    try {
      await migrate(client);
    } finally {
      client.off("error", ignore);
      // Not used again: it may be in the middle of a transaction.
      client.release(true);
    }
    const questions = new Questions(pool);
    const [storeId] = await questions.row<[Buffer]>("readStoreId", []);
    return new PostgresStore(pool, questions, new Uint8Array(storeId), options);
  } catch (error) {
    await pool.end();
    throw reportOf(error);
  }
}

class PostgresStore implements WholeStore {
  readonly storeId: Uint8Array;
  readonly failed: Promise<ReceiverError>;
  /** {@inheritDoc RegistryStore.registry} */
  readonly registry: Registry;
  /** {@inheritDoc HeadStore.heads} */
  readonly heads: Heads;
  /** {@inheritDoc AlarmStore.alarms} */
  readonly alarms: AlarmReports;
  /** {@inheritDoc HourStore.hours} */
  readonly hours: HourLedger;
  /** {@inheritDoc ConsoleStore.console} */
  readonly console: ConsoleRecords;
  readonly #fail: (error: ReceiverError) => void;
  readonly #pool: Pool;
  readonly #warn: (error: unknown) => void;
  readonly #questions: Questions;
  readonly #days: Days;
  readonly #lanes = new Lanes();
  #failure: ReceiverError | undefined;
  #closed: Promise<void> | undefined;
  #sweeping: Promise<void> | undefined;

  constructor(
    pool: Pool,
    questions: Questions,
    storeId: Uint8Array,
    { warn }: Pick<DatabaseOptions, "warn">,
  ) {
    const { promise, resolve } = Promise.withResolvers<ReceiverError>();
    this.storeId = storeId;
    this.failed = promise;
    this.#fail = resolve;
    this.#pool = pool;
    this.#questions = questions;
    this.#days = new Days(questions);
    const asking: Asking = {
      read: (act) => this.#read(act),
      write: (act) => this.#write(act),
    };
    this.registry = registryOver(questions, asking);
    this.heads = headsOver(questions, asking);
    this.alarms = alarmsOver(questions, asking);
    this.hours = hoursOver(questions, asking);
    this.console = consoleOver(questions, asking);
    this.#warn = (error) => warn?.({ kind: "unavailable", error: reasonOf(error) });
    this.#sweepLater();
  }

  addAgent: Store["addAgent"] = (call) => this.#write(() => this.#addAgent(call));
  findAgent: Store["findAgent"] = (name) => this.#read(() => this.#findAgent(name));
  listAgents: Store["listAgents"] = (after) =>
    this.#read(async () => {
      const values = [after?.tenant ?? "", after?.name ?? "", PAGE_MAX_COUNT];
      const rows = await this.#questions.rows<row.AgentRow>("listAgents", values);
      return rows.map(row.agentRecord);
    });
  hello: Store["hello"] = (call) =>
    this.#write(() => this.#lanes.run(call.agent, null, () => hello(this.#questions, call)));
  unlockAgent: Store["unlockAgent"] = ({ tenant, name }) =>
    this.#write<AgentRecord | null>(async () => {
      await this.#questions.rows("unlockAgent", [tenant, name]);
      return await this.#findAgent({ tenant, name });
    });
  open: Store["open"] = (call) => this.#onChannel(call, () => this.#open(call));
  ingest: Store["ingest"] = (call) => this.#onChannel(call, () => this.#ingest(call));
  savePartial: Store["savePartial"] = (call) =>
    this.#onChannel(call, () => this.#savePartial(call));
  skip: Store["skip"] = (call) => this.#onChannel(call, () => this.#skip(call));
  listChannels: Store["listChannels"] = (agent, after) =>
    this.#read(async () => {
      const values = [agent, after, PAGE_MAX_COUNT];
      const rows = await this.#questions.rows<row.ChannelRow>("listChannels", values);
      return rows.map(row.channelRecord);
    });
  readMessages: Store["readMessages"] = (call) => this.#read(() => this.#readMessages(call));
  readBody: Store["readBody"] = (call) => this.#read(() => readBody(this.#questions, call));
  readGaps: Store["readGaps"] = (agent, channel, after) =>
    this.#read(async () => {
      const values = [agent, channel, after, PAGE_MAX_COUNT];
      const rows = await this.#questions.rows<row.GapRow>("readGaps", values);
      return rows.map(row.gapRecord);
    });
  findGaps: OutletStore["findGaps"] = (call) => this.#read(() => findGaps(this.#questions, call));
  findPosition: OutletStore["findPosition"] = (call) =>
    this.#read(() => findPosition(this.#questions, call));
  movePosition: OutletStore["movePosition"] = (call) =>
    this.#write(() => movePosition(this.#questions, call));
  enqueue: OutgoingStore["enqueue"] = (call) =>
    this.#onOutgoing(call, () => outgoing.enqueue(this.#questions, call));
  outgoingChannels: OutgoingStore["outgoingChannels"] = (agent, after) =>
    this.#read(() => outgoing.outgoingChannels(this.#questions, agent, after));
  readOutgoing: OutgoingStore["readOutgoing"] = (place) =>
    this.#read(() => outgoing.readOutgoing(this.#questions, place));
  readOutgoingBody: OutgoingStore["readOutgoingBody"] = (call) =>
    this.#read(() => outgoing.readOutgoingBody(this.#questions, call));
  outgoingChain: OutgoingStore["outgoingChain"] = (place) =>
    this.#read(() => outgoing.outgoingChain(this.#questions, place));
  settleOutgoing: OutgoingStore["settleOutgoing"] = (call) =>
    this.#onOutgoing(call, () => outgoing.settleOutgoing(this.#questions, call));
  reissueOutgoing: OutgoingStore["reissueOutgoing"] = (call) =>
    this.#onOutgoing(call, () => outgoing.reissueOutgoing(this.#questions, call));
  noteOutcome: OutgoingStore["noteOutcome"] = (call) =>
    this.#onOutgoing(call, () => outgoing.noteOutcome(this.#questions, call));
  openCommands: OutgoingStore["openCommands"] = (agent, limit) =>
    this.#read(() => outgoing.openCommands(this.#questions, agent, limit));
  answerCommand: OutgoingStore["answerCommand"] = (call) =>
    this.#write(() => outgoing.answerCommand(this.#questions, call));
  listOutgoing: OutgoingStore["listOutgoing"] = (agent, channel, after) =>
    this.#read(() => outgoing.listOutgoing(this.#questions, agent, channel, after));
  enqueuedSince: OutgoingStore["enqueuedSince"] = (id) =>
    this.#read(() => outgoing.enqueuedSince(this.#questions, id));
  pruneOutgoing: OutgoingStore["pruneOutgoing"] = (beforeMs) =>
    this.#write(() => outgoing.pruneOutgoing(this.#questions, beforeMs));
  prune: Store["prune"] = (call) => this.#write(() => this.#days.prune(call));

  /** Carries out what was asked before, then closes the connections. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= this.#close();
    await this.#closed;
  }

  async #close(): Promise<void> {
    await this.#lanes.drained();
    await this.#sweeping;
    await this.#pool.end();
  }

  #onChannel<T>(
    { agent, channel }: { readonly agent: number; readonly channel: string },
    act: () => Promise<T>,
  ): Promise<T | { readonly kind: "busy" }> {
    return this.#lanes.run(agent, channel, () => this.#write(act));
  }

  /** Downstream channels have an order of their own. */
  #onOutgoing<T>(
    { agent, channel }: { readonly agent: number; readonly channel: string },
    act: () => Promise<T>,
  ): Promise<T | { readonly kind: "busy" }> {
    return this.#lanes.run(agent, `>${channel}`, () => this.#write(act));
  }

  async #addAgent(call: AddAgentCall): Promise<AddAgentResult> {
    const before = await this.#findAgent(call);
    const values = [call.tenant, call.name, call.serialHex, call.atMs];
    const [id] = await this.#questions.row<[string]>("addAgent", values);
    // Twice is once: if the way here was lost in between, the same call comes again.
    await this.#questions.rows("addSession", [id]);
    const agent = await this.#findAgent(call);
    if (agent === null) throw new TypeError("Cannot find the agent that was added");
    return { agent, known: before !== null };
  }

  async #findAgent({ tenant, name }: AgentName): Promise<AgentRecord | null> {
    const [found] = await this.#questions.rows<row.AgentRow>("findAgent", [tenant, name]);
    return found === undefined ? null : row.agentRecord(found);
  }

  async #open(call: OpenCall): Promise<OpenResult> {
    const { agent, session, channel, epoch, atMs, previous } = call;
    const named = [previous?.epoch ?? null, previous?.finalSeq ?? null];
    const values = [agent, session, channel, epoch, atMs, ...named];
    return row.openResult(await this.#questions.row<row.OpenRow>("open", values));
  }

  async #ingest(call: IngestCall): Promise<IngestResult> {
    const [item] = call.items;
    const stored = item?.body === null ? await verifiedBody(this.#questions, call, item) : null;
    if (stored !== null && "kind" in stored) {
      this.#sweepLater();
      return stored.kind === "hash" ? { kind: "hash", seq: call.first } : { kind: "fenced" };
    }
    const [kind, last, unverified] = await this.#days.on(call.atMs, (day) =>
      this.#questions.row<StepRow>("ingest", ingestValues(call, day, stored)),
    );
    return stepResult(kind, last, { unverifiedCount: Number(unverified), gap: null });
  }

  async #savePartial(call: PartialCall): Promise<PartialResult> {
    const { agent, session, channel, epoch, seq, sha256, totalBytes, offset, bytes } = call;
    const values = [seq, sha256, totalBytes, offset, bytes, BODY_SLICE_MAX_BYTES];
    const [kind, durable] = await this.#days.on(call.atMs, (day) =>
      this.#questions.row<PartialRow>("savePartial", [
        agent,
        session,
        channel,
        epoch,
        day,
        ...values,
      ]),
    );
    if (offset === 0) this.#sweepLater();
    return kind === "ok" ? { kind, durableBytes: Number(durable) } : { kind };
  }

  async #skip(call: SkipCall): Promise<IngestResult> {
    const { agent, session, channel, epoch, atMs, first, last, reason, chain } = call;
    const values = [agent, session, channel, epoch, atMs, first, last, reason, chain];
    const [kind, at, gap] = await this.#questions.row<SkipRow>("skip", values);
    return stepResult(kind, at, { unverifiedCount: 0, gap });
  }

  async #readMessages(call: MessagesCall) {
    const { agent, channel, after, upTo, withBody } = call;
    const range = [after.epoch, after.seq, upTo.epoch, upTo.seq];
    const page = [PAGE_MAX_COUNT, withBody, LARGE_MESSAGE_BYTES, PAGE_MAX_BYTES];
    const values = [agent, channel, ...range, ...page];
    const rows = await this.#questions.rows<row.MessageRow>("readMessages", values);
    return rows.map(row.messageRecord);
  }

  /** Deletes, beside everything else, what is left of bodies that were given up. */
  #sweepLater(): void {
    this.#sweeping ??= this.#sweep().finally(() => {
      this.#sweeping = undefined;
    });
  }

  async #sweep(): Promise<void> {
    try {
      while (this.#closed === undefined && (await sweep(this.#questions)));
    } catch (error) {
      // What could not be deleted now is found by the next sweep.
      const fault = faultOf(error);
      if (fault !== "again") this.#end(fault);
    }
  }

  async #write<T>(act: () => Promise<T>): Promise<T | { readonly kind: "busy" }> {
    try {
      return await this.#ask(act);
    } catch (error) {
      const fault = faultOf(error);
      if (fault !== "again") throw this.#end(fault);
      this.#warn(error);
      return { kind: "busy" };
    }
  }

  /**
   * Connections may have been cut since they were last used, each of them, and an agent at the gate would be
   * sent away: asked again until one is new. A database that cannot be reached is not asked again.
   */
  async #read<T>(act: () => Promise<T>): Promise<T> {
    for (let left = this.#pool.options.max; ; left -= 1) {
      try {
        return await this.#ask(act);
      } catch (error) {
        const report = reportOf(error);
        if (faultOf(report) !== "again") throw this.#end(report);
        this.#warn(error);
        if (left === 0 || !isCutOff(error)) throw report;
      }
    }
  }

  #ask<T>(act: () => Promise<T>): Promise<T> {
    if (this.#failure !== undefined) throw this.#failure;
    return act();
  }

  /** S9: the first failure counts. A value that a peer chose refuses its own call, and ends no store. */
  #end(error: ReceiverError): ReceiverError {
    if (isOfOneCall(error.cause)) {
      this.#warn(error.cause);
      return error;
    }
    this.#failure ??= error;
    this.#fail(this.#failure);
    return this.#failure;
  }
}

type StepKind = "ok" | "gap" | "conflict" | "hash" | "fenced" | "staleEpoch" | "unopened";
type StepRow = [kind: StepKind, last: string, unverified: string];
type SkipRow = [kind: StepKind, last: string, gap: GapKind | null];
type PartialRow = [kind: Exclude<PartialResult["kind"], "busy">, durable: string | null];

function stepResult(
  kind: StepKind,
  last: string,
  ok: { readonly unverifiedCount: number; readonly gap: GapKind | null },
): IngestResult {
  switch (kind) {
    case "ok":
      return { kind, last: BigInt(last), ...ok };
    case "gap":
      return { kind, last: BigInt(last) };
    case "conflict":
    case "hash":
      return { kind, seq: BigInt(last) };
    default:
      return { kind };
  }
}

/** What a connection says that was alive once: its socket is gone, or its session was ended (57P01). */
function isCutOff(error: unknown): boolean {
  const { code, syscall, message } = error as { code?: string; syscall?: string; message?: string };
  const isSocket = syscall !== "connect" && (code === "EPIPE" || code === "ECONNRESET");
  return isSocket || code === "57P01" || message?.startsWith("Connection terminated") === true;
}
