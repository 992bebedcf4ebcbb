/**
 * What the senders of one channel really do, for the engineer who must make them fit (03 A14).
 *
 * Counted since the process started and kept in memory alone; every list is bounded, because peers fill
 * them. Holds addresses, codes and control ids (08 PL4), and nothing else of a message.
 *
 * @module
 */
import { controlIdFact, type Identifier, identifierFrom } from "../errors.ts";
import type { Clock } from "../host/clock.ts";
import type { Log } from "../host/log.ts";
import { ChannelCounters } from "./counters.ts";
import { Latency } from "./latency.ts";

/** 03: protocol warnings. Each is also a counter; the texts are for people. */
export const WARNINGS = {
  lenientEnd: "Blocks do not end in FS CR; they are accepted all the same",
  bytesAfterLenientEnd: "Bytes came after an end that silence had decided: a message may be cut",
  unknownAckCondition: "MSH-15 or MSH-16 holds a value that is not in HL7 table 0155",
  applicationAckUnserved:
    "MSH-16 asks for an application acknowledgment, and nothing is set up to give it",
  waitsDespiteNever:
    "The sender resends what it asked not to be told of: set ackMode to storeAA or commitOnly",
  controlIdReused: "A control id came again with other content; both were stored",
  multipleMessages: "Several messages came in one block without an envelope",
  batchCountMismatch: "BTS-1 or FTS-1 is not the number of messages, or a trailer is missing",
  charsetMismatch: "The bytes are not in the character set that MSH-18 declares",
  sequenceGap: "MSH-13 left a number out",
  sequenceRepeated: "MSH-13 came again, or went back",
  framedInFile: "MLLP framing stood around messages of a file; it was taken out",
  leftoverInFile: "A file held bytes that are in no message; they are in quarantine",
} as const satisfies Record<string, string>;
export type WarningName = keyof typeof WARNINGS;

/** One log line a warning, channel and hour (03 A6, D2). */
const WARNING_LOG_MS = 3_600_000;
const PEERS_MAX_COUNT = 64;
const PAIRS_MAX_COUNT = 32;

/** Times are RFC 3339. */
export interface ObservedWarning {
  readonly warning: WarningName;
  readonly text: string;
  readonly count: number;
  readonly lastAt: string;
  readonly peer: string;
  readonly controlId: string | undefined;
}

export interface ObservedPeer {
  /** Without port: senders choose a new one each time. */
  readonly address: string;
  /** Common name of its certificate, on TLS. */
  readonly name: string | undefined;
  readonly connections: number;
  readonly connectionsTotal: number;
  readonly messages: number;
  readonly lastSeenAt: string;
  readonly lastReply: string | undefined;
}

/** A pair of MSH-15 and MSH-16 that was seen; `-` for an empty field. */
export interface ObservedPair {
  readonly accept: string;
  readonly application: string;
  readonly count: number;
}

export interface ObservedChannel {
  readonly peers: readonly ObservedPeer[];
  readonly pairs: readonly ObservedPair[];
  readonly warnings: readonly ObservedWarning[];
  readonly lastReply: { readonly code: string; readonly at: string } | undefined;
  readonly lastMessageAt: string | undefined;
}

interface Warned {
  count: number;
  lastAtMs: number;
  loggedAtMs: number;
  peer: string;
  controlId: Identifier | undefined;
}

interface Peer {
  name: string | undefined;
  connections: number;
  connectionsTotal: number;
  messages: number;
  lastSeenAtMs: number;
  lastReply: string | undefined;
}

export interface ChannelRecordParts {
  readonly channel: string;
  readonly clock: Clock;
  readonly log: Log;
}

export class ChannelRecord {
  readonly counters = new ChannelCounters();
  /** From the last byte of a block to its reply in the hands of TCP. */
  readonly latency = new Latency();
  readonly #parts: ChannelRecordParts;
  readonly #warnings = new Map<WarningName, Warned>();
  readonly #peers = new Map<string, Peer>();
  readonly #pairs = new Map<string, number>();
  #lastReplyCode = "";
  #lastReplyAtMs = 0;
  #lastMessageAtMs: number | undefined;

  constructor(parts: ChannelRecordParts) {
    this.#parts = parts;
  }

  /** Notes a warning. @param peer `address:port`, or a file's claim @param controlId MSH-10 as sent @param cases of it at once */
  warn(warning: WarningName, peer: string, controlId?: Uint8Array, cases = 1): void {
    const { clock, log, channel } = this.#parts;
    this.counters.add(warning, cases);
    const nowMs = clock.nowMs();
    const known = this.#warnings.get(warning);
    const fact = controlIdFact(controlId);
    const due = known === undefined || nowMs - known.loggedAtMs >= WARNING_LOG_MS;
    const count = (known?.count ?? 0) + cases;
    const loggedAtMs = due ? nowMs : known.loggedAtMs;
    this.#warnings.set(warning, {
      count,
      lastAtMs: nowMs,
      loggedAtMs,
      peer,
      ...{ controlId: fact.controlId },
    });
    if (!due) return;
    const where = { channel: identifierFrom(channel), peer: identifierFrom(peer) };
    log.write("protocolWarning", { ...where, code: identifierFrom(warning), count, ...fact });
  }

  /** A connection of `address` was accepted. */
  connected(address: string, name: string | undefined): void {
    const peer = this.#peer(address);
    peer.connections += 1;
    peer.connectionsTotal += 1;
    peer.name = name ?? peer.name;
  }

  disconnected(address: string): void {
    const peer = this.#peers.get(address);
    if (peer !== undefined && peer.connections > 0) peer.connections -= 1;
  }

  /** A message came. @param accept MSH-15 and @param application MSH-16 as sent */
  message(address: string, accept: Uint8Array, application: Uint8Array): void {
    const peer = this.#peer(address);
    peer.messages += 1;
    this.#lastMessageAtMs = peer.lastSeenAtMs;
    const pair =
      accept.length + application.length === 0 ? "- -" : `${shown(accept)} ${shown(application)}`;
    const known = this.#pairs.get(pair);
    if (known !== undefined || this.#pairs.size < PAIRS_MAX_COUNT) {
      this.#pairs.set(pair, (known ?? 0) + 1);
    }
  }

  /** Messages came in a file. */
  fileMessages(): void {
    this.#lastMessageAtMs = this.#parts.clock.nowMs();
  }

  /** @param code MSA-1, or `none` where nothing was owed */
  replied(address: string, code: string): void {
    this.#lastReplyCode = code;
    const peer = this.#peer(address);
    this.#lastReplyAtMs = peer.lastSeenAtMs;
    peer.lastReply = code;
  }

  snapshot(): ObservedChannel {
    const code = this.#lastReplyCode;
    return {
      peers: [...this.#peers].map(([address, { lastSeenAtMs, ...peer }]) => ({
        address,
        ...peer,
        lastSeenAt: isoOf(lastSeenAtMs),
      })),
      pairs: [...this.#pairs].map(([pair, count]) => {
        const [accept = "", application = ""] = pair.split(" ");
        return { accept, application, count };
      }),
      warnings: [...this.#warnings].map(([warning, { count, lastAtMs, peer, controlId }]) => {
        const text = WARNINGS[warning];
        return { warning, text, count, lastAt: isoOf(lastAtMs), peer, controlId };
      }),
      lastReply: code === "" ? undefined : { code, at: isoOf(this.#lastReplyAtMs) },
      lastMessageAt: this.#lastMessageAtMs === undefined ? undefined : isoOf(this.#lastMessageAtMs),
    };
  }

  #peer(address: string): Peer {
    const known = this.#peers.get(address);
    if (known !== undefined) {
      known.lastSeenAtMs = this.#parts.clock.nowMs();
      return known;
    }
    if (this.#peers.size >= PEERS_MAX_COUNT) this.#forgetOnePeer();
    const peer = {
      name: undefined,
      connections: 0,
      connectionsTotal: 0,
      messages: 0,
      lastSeenAtMs: this.#parts.clock.nowMs(),
      lastReply: undefined,
    };
    this.#peers.set(address, peer);
    return peer;
  }

  /** The one without a connection that was seen longest ago; a peer that is connected stays in sight. */
  #forgetOnePeer(): void {
    const gone = [...this.#peers].filter(([, { connections }]) => connections === 0);
    const [oldest] = gone.toSorted(([, a], [, b]) => a.lastSeenAtMs - b.lastSeenAtMs);
    const first = oldest?.[0] ?? this.#peers.keys().next().value;
    if (first !== undefined) this.#peers.delete(first);
  }
}

const isoOf = (ms: number): string => new Date(ms).toISOString();

/** A condition as sent, if it looks like one: anything else a peer could fill with content. */
function shown(field: Uint8Array): string {
  if (field.length === 0) return "-";
  const text = Buffer.from(field).toString("latin1").trim();
  return /^[A-Za-z]{1,4}$/.test(text) ? text.toUpperCase() : "other";
}
