/**
 * The statements, prepared, with the types of their parameters and columns. Integers come back as
 * bigint: epoch and seq are 63-bit.
 *
 * @module
 */
import type { Database, Statement } from "better-sqlite3";
import { SQL } from "./statements.ts";

type Bytes = Uint8Array;
type ChannelKey = [agent: number, channel: string];
type Bounds = [bigint, bigint, bigint, bigint];

export type AgentRow = [
  id: bigint,
  tenant: string,
  name: string,
  serial: string,
  session: bigint,
  addedMs: bigint,
  helloMs: bigint | null,
];
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
  const read = <P extends unknown[], R>(sql: string): Statement<P, R> =>
    db.prepare<P, R>(sql).safeIntegers().raw();
  const write = <P extends unknown[]>(sql: string): Statement<P> => db.prepare<P>(sql);
  return {
    findAgent: read<[tenant: string, name: string], AgentRow>(SQL.findAgent),
    listAgents: read<[tenant: string, name: string, limit: number], AgentRow>(SQL.listAgents),
    insertAgent: write<[string, string, serial: string, atMs: number]>(SQL.insertAgent),
    changeSerial: write<[serial: string, id: number]>(SQL.changeSerial),
    readSession: read<[agent: number], [session: bigint]>(SQL.readSession),
    readSourceStore: read<[agent: number], [Bytes | null]>(SQL.readSourceStore),
    beginSession: read<[Bytes, Bytes, atMs: number, agent: number], [session: bigint]>(
      SQL.beginSession,
    ),

    readChannel: read<ChannelKey, PositionRow>(SQL.readChannel),
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
      ]
    >(SQL.insertMessage),
    findMessage: read<[...ChannelKey, epoch: bigint, seq: bigint], [id: bigint, sha256: Bytes]>(
      SQL.findMessage,
    ),
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
