/**
 * The embedded store: a {@link Store} whose calls are carried out by the writer thread, batched by
 * the turn of the event loop in which they were made.
 *
 * @module
 */
import type { Worker } from "node:worker_threads";
import { startOwnThread } from "#packaged/own-thread.ts";
import { ReceiverError } from "../../errors.ts";
import { ownPlace } from "../../host/own-place.ts";
import type { AlarmReports } from "../alarms.ts";
import type { ConsoleRecords } from "../console.ts";
import type { Heads } from "../heads.ts";
import type { HourLedger } from "../hours.ts";
import type { OutgoingStore } from "../outgoing.ts";
import type { OutletStore } from "../outlets.ts";
import type { Registry } from "../registry.ts";
import type { Store } from "../store.ts";
import type { WholeStore } from "../whole-store.ts";
import type {
  FromWriter,
  OperationName,
  Operations,
  Request,
  ToWriter,
  WriterData,
} from "./calls.ts";
import { DURABLE_SETTINGS } from "./database.ts";
import { packItems } from "./packed-items.ts";

/** The whole database, but for its write-ahead log. */
export const STORE_FILE = "receiver.db";

interface Waiting {
  readonly resolve: (answer: Operations[OperationName]["answer"]) => void;
  readonly reject: (error: ReceiverError) => void;
}

/**
 * Opens the store, creating it if the file is not there.
 *
 * @param file path in a folder that exists
 * @param settings as of `openDatabase`
 * @throws {ReceiverError} as `openDatabase` does
 */
export async function openSqliteStore(
  file: string,
  settings: readonly string[] = DURABLE_SETTINGS,
): Promise<WholeStore> {
  const workerData: WriterData = { file, settings };
  const worker = startOwnThread(new URL("./writer.ts", import.meta.url), { workerData });
  const exited = new Promise<void>((resolve) => worker.once("exit", () => resolve()));
  const storeId = await new Promise<Uint8Array>((resolve, reject) => {
    worker.once("error", (error) => reject(workerEnded(error)));
    worker.once("exit", () => reject(workerEnded()));
    worker.once("message", (message: FromWriter) => {
      if (message.kind === "opened") resolve(message.storeId);
      else reject(failure(message));
    });
  });
  return new SqliteStore(worker, storeId, exited);
}

class SqliteStore implements WholeStore {
  readonly storeId: Uint8Array;
  readonly failed: Promise<ReceiverError>;
  readonly #worker: Worker;
  readonly #exited: Promise<void>;
  readonly #waiting = new Map<number, Waiting>();
  #queued: Request[] = [];
  #transfers: ArrayBuffer[] = [];
  #lastTicket = 0;
  #closed: Promise<void> | undefined;
  #failure: ReceiverError | undefined;

  constructor(worker: Worker, storeId: Uint8Array, exited: Promise<void>) {
    this.storeId = storeId;
    this.#worker = worker;
    this.#exited = exited;
    this.failed = new Promise((resolve) => {
      const fail = (error: ReceiverError): void => {
        this.#fail(error);
        resolve(error);
      };
      worker.once("error", (error) => fail(workerEnded(error)));
      worker.once("exit", () => {
        if (this.#closed === undefined) fail(workerEnded());
      });
      worker.on("message", (message: FromWriter) => {
        if (message.kind === "committed") this.#settle(message);
        else if (message.kind === "failed") fail(failure(message));
      });
    });
  }

  addAgent: Store["addAgent"] = (call) => this.#ask("addAgent", call);
  findAgent: Store["findAgent"] = ({ tenant, name }) => this.#ask("findAgent", { tenant, name });
  listAgents: Store["listAgents"] = (after) => this.#ask("listAgents", { after });
  hello: Store["hello"] = (call) => this.#ask("hello", call);
  unlockAgent: Store["unlockAgent"] = ({ tenant, name }) =>
    this.#ask("unlockAgent", { tenant, name });
  open: Store["open"] = (call) => this.#ask("open", call);
  skip: Store["skip"] = (call) => this.#ask("skip", call);
  prune: Store["prune"] = (call) => this.#ask("prune", call);
  readBody: Store["readBody"] = (call) => this.#ask("readBody", call);
  readMessages: Store["readMessages"] = (call) => this.#ask("readMessages", call);
  listChannels: Store["listChannels"] = (agent, after) =>
    this.#ask("listChannels", { agent, after });
  readGaps: Store["readGaps"] = (agent, channel, after) =>
    this.#ask("readGaps", { agent, channel, after });

  findGaps: OutletStore["findGaps"] = (call) => this.#ask("findGaps", call);
  findPosition: OutletStore["findPosition"] = (call) => this.#ask("findPosition", call);
  movePosition: OutletStore["movePosition"] = (call) => this.#ask("movePosition", call);
  enqueue: OutgoingStore["enqueue"] = (call) => this.#ask("enqueue", call);
  outgoingChannels: OutgoingStore["outgoingChannels"] = (agent, after) =>
    this.#ask("outgoingChannels", { agent, after });
  readOutgoing: OutgoingStore["readOutgoing"] = (place) => this.#ask("readOutgoing", place);
  readOutgoingBody: OutgoingStore["readOutgoingBody"] = (call) =>
    this.#ask("readOutgoingBody", call);
  outgoingChain: OutgoingStore["outgoingChain"] = (place) => this.#ask("outgoingChain", place);
  settleOutgoing: OutgoingStore["settleOutgoing"] = (call) => this.#ask("settleOutgoing", call);
  reissueOutgoing: OutgoingStore["reissueOutgoing"] = (call) => this.#ask("reissueOutgoing", call);
  noteOutcome: OutgoingStore["noteOutcome"] = (call) => this.#ask("noteOutcome", call);
  openCommands: OutgoingStore["openCommands"] = (agent, limit) =>
    this.#ask("openCommands", { agent, limit });
  answerCommand: OutgoingStore["answerCommand"] = (call) => this.#ask("answerCommand", call);
  listOutgoing: OutgoingStore["listOutgoing"] = (agent, channel, after) =>
    this.#ask("listOutgoing", { agent, channel, after });
  enqueuedSince: OutgoingStore["enqueuedSince"] = (id) => this.#ask("enqueuedSince", { id });
  pruneOutgoing: OutgoingStore["pruneOutgoing"] = (beforeMs) =>
    this.#ask("pruneOutgoing", { beforeMs });

  /** {@inheritDoc RegistryStore.registry} */
  readonly registry: Registry = {
    registerAgent: (call) => this.#ask("registerAgent", { call }),
    findByToken: (call) => this.#ask("findByToken", { call }),
    changeIdentity: (call) => this.#ask("changeIdentity", { call }),
    lockAgent: (call) => this.#ask("lockAgent", { call }),
    deny: (call) => this.#ask("deny", { call }),
    allow: (call) => this.#ask("allow", { call }),
    isDenied: (call) => this.#ask("isDenied", { call }),
    listDenied: (call) => this.#ask("listDenied", { call }),
    barredOf: (call) => this.#ask("barredOf", { call }),
    addTrust: (call) => this.#ask("addTrust", { call }),
    trustAfter: (call) => this.#ask("trustAfter", { call }),
  };

  /** {@inheritDoc HeadStore.heads} */
  readonly heads: Heads = {
    addHead: (call) => this.#ask("addHead", { call }),
    headsAfter: (call) => this.#ask("headsAfter", { call }),
  };

  /** {@inheritDoc AlarmStore.alarms} */
  readonly alarms: AlarmReports = {
    setAlarms: (call) => this.#ask("setAlarms", { call }),
    alarmsOf: (call) => this.#ask("alarmsOf", { call }),
  };

  /** {@inheritDoc HourStore.hours} */
  readonly hours: HourLedger = {
    noteHours: (call) => this.#ask("noteHours", { call }),
    toldStanding: (call) => this.#ask("toldStanding", { call }),
    toldStretches: (call) => this.#ask("toldStretches", { call }),
    toldCounts: (call) => this.#ask("toldCounts", { call }),
    toldEpochs: (call) => this.#ask("toldEpochs", { call }),
    heldRows: (call) => this.#ask("heldRows", { call }),
    heldBehind: (call) => this.#ask("heldBehind", { call }),
    heldEpoch: (call) => this.#ask("heldEpoch", { call }),
  };

  /** {@inheritDoc ConsoleStore.console} */
  readonly console: ConsoleRecords = {
    notePresence: (call) => this.#ask("notePresence", { call }),
    standings: (call) => this.#ask("standings", { call }),
    messageTimes: (call) => this.#ask("messageTimes", { call }),
    recentOutgoing: (call) => this.#ask("recentOutgoing", { call }),
    keepItem: (call) => this.#ask("keepItem", { call }),
    items: (call) => this.#ask("items", { call }),
    takeItem: (call) => this.#ask("takeItem", { call }),
    addEntry: (call) => this.#ask("addEntry", { call }),
    entries: (call) => this.#ask("entries", { call }),
  };

  ingest: Store["ingest"] = ({ items, ...call }) => {
    const packed = packItems(items);
    this.#transfers.push(packed.bytes.buffer);
    return this.#ask("ingest", { ...call, packed });
  };

  savePartial: Store["savePartial"] = (call) => {
    // A copy changes hands: the same call is made again if the disk is full.
    const bytes = new Uint8Array(call.bytes);
    this.#transfers.push(bytes.buffer);
    return this.#ask("savePartial", { ...call, bytes });
  };

  /** Carries out what was asked before, then closes the file. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= this.#close();
    await this.#closed;
  }

  async #close(): Promise<void> {
    this.#post();
    this.#worker.postMessage({ kind: "close" } satisfies ToWriter);
    await this.#exited;
  }

  #ask<Name extends OperationName>(
    name: Name,
    ask: Operations[Name]["ask"],
  ): Promise<Operations[Name]["answer"]> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) {
        reject(this.#failure);
        return;
      }
      if (this.#closed !== undefined) {
        reject(new TypeError("Cannot ask a store that is closed"));
        return;
      }
      this.#lastTicket += 1;
      // Name and question belong together by the signature; the union cannot say so.
      this.#queued.push({ ticket: this.#lastTicket, name, ask } as Request);
      this.#waiting.set(this.#lastTicket, { resolve: resolve as Waiting["resolve"], reject });
      // One post for everything that this turn of the event loop brings.
      if (this.#queued.length === 1) setImmediate(() => this.#post());
    });
  }

  #post(): void {
    if (this.#queued.length === 0) return;
    const message: ToWriter = { kind: "requests", requests: this.#queued };
    this.#worker.postMessage(message, this.#transfers);
    this.#queued = [];
    this.#transfers = [];
  }

  #settle({ replies }: Extract<FromWriter, { kind: "committed" }>): void {
    for (const { ticket, answer } of replies) {
      this.#waiting.get(ticket)?.resolve(answer);
      this.#waiting.delete(ticket);
    }
  }

  /** What has not been reported as committed is not true (S9). The first failure counts. */
  #fail(error: ReceiverError): void {
    this.#failure ??= error;
    for (const { reject } of this.#waiting.values()) reject(this.#failure);
    this.#waiting.clear();
  }
}

function failure(message: FromWriter): ReceiverError {
  if (message.kind !== "failed") return workerEnded();
  return new ReceiverError(message.code, { facts: message.facts });
}

function workerEnded(cause?: unknown): ReceiverError {
  return new ReceiverError("STORE_WORKER_ENDED", { cause, facts: ownPlace(cause) });
}
