/**
 * The statements, prepared, with the types of their parameters and columns. Integers come back as
 * bigint: epoch and seq are 63-bit.
 *
 * @module
 */
import type { Database } from "better-sqlite3";
import type { AgentRow } from "./agent-row.ts";
import { prepareAlarms } from "./alarm-statements.ts";
import { prepareConsole } from "./console-statements.ts";
import { prepareHeads } from "./head-statements.ts";
import { prepareHours } from "./hour-statements.ts";
import { prepareOutgoing } from "./outgoing-statements.ts";
import { prepareOutlets } from "./outlet-statements.ts";
import { preparing } from "./preparing.ts";
import { prepareRegistry } from "./registry-statements.ts";
import { SQL } from "./statements.ts";

type Bytes = Uint8Array;
type ChannelKey = [agent: number, channel: string];
type Bounds = [bigint, bigint, bigint, bigint];

export type PositionRow = [epoch: bigint, lastSeq: bigint, chain: Bytes | null];
export type MessageRow = [
  epoch: bigint,
  seq: bigint,
  sha256: Bytes,
  receivedMs: bigint,
  storedMs: bigint,
  meta: string,
  bytes: bigint,
  possibleRepeat: bigint,
  body: Bytes | null,
];
export type KeptRow = [
  id: bigint,
  agent: bigint,
  channel: string,
  epoch: bigint,
  seq: bigint,
  isRepeat: bigint,
  large: bigint | null,
  storedMs: bigint,
];
export type PartialRow = [
  epoch: bigint,
  seq: bigint,
  sha256: Bytes,
  total: bigint,
  durable: bigint,
  body: bigint,
];
export type GapRow = [
  id: bigint,
  epoch: bigint,
  firstSeq: bigint | null,
  lastSeq: bigint | null,
  kind: string,
  recordedMs: bigint,
];

export type Prepared = ReturnType<typeof prepare>;

export function prepare(db: Database) {
  const { read, write } = preparing(db);
  return {
    ...prepareAgents(db),
    ...prepareLarge(db),
    outgoing: prepareOutgoing(db),
    outlets: prepareOutlets(db),
    registry: prepareRegistry(db),
    heads: prepareHeads(db),
    alarms: prepareAlarms(db),
    hours: prepareHours(db),
    console: prepareConsole(db),

    readChannel: read<ChannelKey, PositionRow>(SQL.readChannel),
    countChannels: read<[agent: number], [count: bigint]>(SQL.countChannels),
    listChannels: read<[number, after: string, limit: number], [string, ...PositionRow]>(
      SQL.listChannels,
    ),
    insertChannel: write<[...ChannelKey, epoch: bigint, chain: Bytes]>(SQL.insertChannel),
    advanceChannel: write<[bigint, chain: Bytes | null, ...ChannelKey]>(SQL.advanceChannel),
    changeEpoch: write<[epoch: bigint, chain: Bytes, ...ChannelKey]>(SQL.changeEpoch),
    closeEpoch: write<[...ChannelKey, bigint, final: bigint, Bytes | null]>(SQL.closeEpoch),
    readEpoch: read<[...ChannelKey, epoch: bigint], [final: bigint]>(SQL.readEpoch),

    insertMessage: write<
      [
        ...ChannelKey,
        epoch: bigint,
        seq: bigint,
        sha256: Bytes,
        receivedMs: number,
        storedMs: number,
        meta: string,
        repeatOf: bigint | null,
        possibleRepeat: number,
        body: Bytes,
        large: bigint | null,
      ]
    >(SQL.insertMessage),
    findMessage: read<[...ChannelKey, epoch: bigint, seq: bigint], [id: bigint, sha256: Bytes]>(
      SQL.findMessage,
    ),
    nextKept: read<[after: number, limit: number], KeptRow>(SQL.nextKept),
    pruneMessage: write<[id: bigint]>(SQL.pruneMessage),
    readMessages: read<[...ChannelKey, ...Bounds, limit: number], MessageRow>(SQL.readMessages),
    readMessagesWithBody: read<[...ChannelKey, ...Bounds, limit: number], MessageRow>(
      SQL.readMessagesWithBody,
    ),

    insertGap: write<
      [
        ...ChannelKey,
        epoch: bigint,
        first: bigint | null,
        last: bigint | null,
        kind: string,
        atMs: number,
        sourceStore: Bytes | null,
        sinkStore: Bytes,
      ]
    >(SQL.insertGap),
    findGap: read<[...ChannelKey, epoch: bigint, seq: bigint, seq: bigint], [bigint]>(SQL.findGap),
    readGaps: read<[...ChannelKey, after: number, limit: number], GapRow>(SQL.readGaps),
    begin: write<[]>("BEGIN IMMEDIATE"),
    commit: write<[]>("COMMIT"),
    rollback: write<[]>("ROLLBACK"),
    savepoint: write<[]>("SAVEPOINT call"),
    release: write<[]>("RELEASE call"),
    rollbackTo: write<[]>("ROLLBACK TO call"),
  };
}

function prepareLarge(db: Database) {
  const { read, write } = preparing(db);
  return {
    readPartial: read<ChannelKey, PartialRow>(SQL.readPartial),
    insertPartial: write<[...ChannelKey, bigint, bigint, Bytes, total: number, body: bigint]>(
      SQL.insertPartial,
    ),
    growPartial: write<[durable: number, ...ChannelKey]>(SQL.growPartial),
    takePartial: read<ChannelKey, [body: bigint]>(SQL.takePartial),
    insertBody: read<[bytes: number], [id: bigint]>(SQL.insertBody),
    insertSlice: write<[body: bigint, at: number, Bytes]>(SQL.insertSlice),
    readSlice: read<[body: bigint, from: number], [at: bigint, Bytes]>(SQL.readSlice),
    doomBody: write<[body: bigint]>(SQL.doomBody),
    nextDoomed: read<[], [body: bigint]>(SQL.nextDoomed),
    deleteSlices: write<[body: bigint, limit: number]>(SQL.deleteSlices),
    deleteBody: write<[body: bigint]>(SQL.deleteBody),
    readBodyPart: read<
      [from: number, bytes: number, ...ChannelKey, epoch: bigint, seq: bigint],
      [large: bigint | null, part: Bytes | null]
    >(SQL.readBodyPart),
  };
}

function prepareAgents(db: Database) {
  const { read, write } = preparing(db);
  return {
    findAgent: read<[tenant: string, name: string], AgentRow>(SQL.findAgent),
    listAgents: read<[tenant: string, name: string, limit: number], AgentRow>(SQL.listAgents),
    insertAgent: write<[string, string, serial: string, atMs: number]>(SQL.insertAgent),
    changeSerial: write<[serial: string, id: number]>(SQL.changeSerial),
    readGreetings: read<[agent: number], [lockedMs: bigint | null, greetings: string | null]>(
      SQL.readGreetings,
    ),
    lockAgent: write<[atMs: number, agent: number]>(SQL.lockAgent),
    unlockAgent: write<[tenant: string, name: string]>(SQL.unlockAgent),
    readSession: read<[agent: number], [session: bigint]>(SQL.readSession),
    readSourceStore: read<[agent: number], [Bytes | null]>(SQL.readSourceStore),
    beginSession: read<[Bytes, Bytes, atMs: number, string | null, number], [session: bigint]>(
      SQL.beginSession,
    ),
  };
}
