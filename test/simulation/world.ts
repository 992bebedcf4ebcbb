/** Everything of one run: both ends, the paths between them, and who watches. @module */
import { FRAME_TYPE } from "#protocol/frame.ts";
import { drawFaults, type Faults } from "./faults.ts";
import { Judge } from "./judge.ts";
import { Ledger } from "./ledger.ts";
import { OutboxTables } from "./outbox-tables.ts";
import type { ReceiverDatabase } from "./receiver-database.ts";
import { ReceiverNode } from "./receiver-node.ts";
import { Scheduler } from "./scheduler.ts";
import { SeededChance } from "./seeded-chance.ts";
import { SimAgent } from "./sim-agent.ts";
import { WallClock } from "./sim-clock.ts";
import { Trace } from "./trace.ts";

const FRAME_NAMES = new Map<number, string>(
  Object.entries(FRAME_TYPE).map(([name, type]) => [type, name]),
);
/** The flag of DATA, and where its offset stands behind header and seq (06 TP6, TP8). */
const FIRST = 0x01;
const OFFSET_AT = 12;
const isInside = (frame: Uint8Array): boolean =>
  frame.subarray(OFFSET_AT, OFFSET_AT + 4).some((byte) => byte !== 0);
const HEARTBEATS_MS = [10_000, 20_000, 60_000];
const STORE_ID = new Uint8Array(16).fill(3);

export class World {
  readonly chance: SeededChance;
  readonly trace: Trace;
  readonly scheduler: Scheduler;
  readonly faults: Faults;
  readonly ledger: Ledger;
  readonly judge: Judge;
  readonly database: ReceiverDatabase;
  readonly agentNumber: number;
  readonly heartbeatMs: number;
  readonly storeId = STORE_ID;
  readonly agentWall = new WallClock();
  readonly nodes: readonly ReceiverNode[];
  /** How often what happened. */
  readonly counts = new Map<string, number>();
  /** How often the receiver's database was put back to an earlier state. */
  history = 0;
  tables: OutboxTables;
  agent: SimAgent;

  constructor(seed: number, database: ReceiverDatabase, isTraced: boolean) {
    this.chance = new SeededChance(seed);
    this.trace = new Trace(isTraced);
    this.scheduler = new Scheduler(this.trace);
    this.faults = drawFaults(this.chance);
    this.ledger = new Ledger(seed);
    this.judge = new Judge(this);
    this.database = database;
    this.agentNumber = database.begin();
    this.heartbeatMs = this.chance.pick(HEARTBEATS_MS);
    this.tables = OutboxTables.create(this.chance.happens(0.5) ? ["adt"] : ["adt", "oru"]);
    this.nodes = [new ReceiverNode(this, "node 1"), new ReceiverNode(this, "node 2")];
    this.agent = new SimAgent(this);
  }

  note(what: string): void {
    this.trace.note(this.scheduler.nowMs, what);
  }

  count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }

  /** A frame has arrived. */
  noteFrame(direction: string, frame: Uint8Array): void {
    const name = `${direction} ${FRAME_NAMES.get(frame[0] ?? 0)}`;
    this.count(name);
    // The first chunk of a message in a connection, and not of the message.
    if (name === "up data" && ((frame[1] ?? 0) & FIRST) !== 0 && isInside(frame)) {
      this.count("resumed in a message");
    }
    // Enough of it for a trace to tell two frames apart: seqs, epochs and offsets stand at the front.
    const head = Buffer.from(frame.buffer, frame.byteOffset, Math.min(frame.length, 32));
    this.note(`${name} ${frame.length} ${head.toString("hex", 2)}`);
  }
}
