/**
 * The far end of a Kafka outlet: brokers of one cluster with one topic, as much of the protocol as it
 * takes to publish, in the versions that brokers of today prefer, and every way to fail.
 *
 * @module
 */
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, TLSSocket } from "node:tls";
import type { IssuedIdentity } from "#certs/development-ca.ts";
import { RECEIVER_IDENTITY } from "./identities.ts";
import { type Login, LoginCheck } from "./kafka-login.ts";
import {
  array,
  compactArray,
  compactBytes,
  compactString,
  int8,
  int16,
  int32,
  int64,
  NO_TAGS,
  NULL_COMPACT,
  recordsOf,
  string,
  WireReader,
  type WireRecord,
} from "./kafka-wire.ts";

/** kafka.apache.org/protocol, "Error Codes". */
export const KAFKA_ERROR = {
  unknownTopic: 3,
  notLeader: 6,
  requestTimedOut: 7,
  tooLarge: 10,
  notEnoughReplicas: 19,
  topicAuthorization: 29,
  unsupportedMechanism: 33,
  unsupportedVersion: 35,
  authentication: 58,
} as const;

/**
 * What becomes of a request to publish: it is stored and answered; stored, and the connection cut before
 * the answer; cut before it is stored; stored and never answered, or answered with what is no answer; or
 * refused with a code.
 */
export type Fate = "ok" | "cut" | "lost" | "silent" | "garbled" | number;

export interface Published extends WireRecord {
  readonly partition: number;
}

interface Request {
  readonly api: number;
  readonly version: number;
  readonly head: Buffer;
  readonly body: WireReader;
}

interface Peer {
  readonly node: number;
  readonly socket: Socket;
  login: LoginCheck | undefined;
}

export interface KafkaOptions {
  readonly ports?: readonly number[];
  readonly nodeCount?: number;
  readonly partitionCount?: number;
  readonly isTls?: boolean;
  /** Of its certificate; one for this machine unless it is said. */
  readonly identity?: IssuedIdentity;
  /** Of whom clients need a certificate, where there is TLS. */
  readonly clientCa?: string;
  readonly login?: Login;
}

const TOPIC = "hl7";
const API = { produce: 0, metadata: 3, handshake: 17, versions: 18, authenticate: 36 } as const;
/** Key, lowest and highest version. */
const VERSIONS = [
  [API.produce, 9, 12],
  [API.metadata, 12, 13],
  [API.handshake, 0, 1],
  [API.versions, 0, 3],
  [API.authenticate, 0, 2],
] as const;

export class PlayedKafka implements AsyncDisposable {
  /** What is stored, in the order of the log. */
  readonly published: Published[] = [];
  /** How many records each request to publish had. */
  readonly batches: number[] = [];
  /** Decides on each request to publish. */
  fate: (records: readonly WireRecord[]) => Fate | Promise<Fate> = () => "ok";
  leader = 0;
  /** What is answered to whoever asks for the topic; 0 is that there is one. */
  topicError = 0;
  /** Where a broker says that the brokers are. */
  advertisedHost = "127.0.0.1";
  /** Which names clients asked for (SNI). */
  readonly serverNames: (string | false | null)[] = [];
  readonly #options: KafkaOptions;
  readonly #servers: readonly Server[];
  readonly #sockets = new Set<Socket>();

  private constructor(options: KafkaOptions, servers: readonly Server[]) {
    this.#options = options;
    this.#servers = servers;
    for (const [node, server] of servers.entries()) {
      const event = options.isTls ? "secureConnection" : "connection";
      server.on(event, (socket: Socket) => this.#serve(node, socket));
      server.on("tlsClientError", () => {});
    }
  }

  static async open(options: KafkaOptions = {}): Promise<PlayedKafka> {
    const { ports = [], nodeCount = 1, isTls = false, identity = RECEIVER_IDENTITY } = options;
    const { certificatePem: cert, privateKeyPem: key } = identity;
    const ca = options.clientCa;
    const servers: Server[] = [];
    for (let node = 0; node < nodeCount; node += 1) {
      const tls = { cert, key, ...(ca === undefined ? {} : { ca, requestCert: true }) };
      const server = isTls ? createTlsServer(tls) : createServer({ allowHalfOpen: true });
      server.listen(ports[node] ?? 0, "127.0.0.1");
      await once(server, "listening");
      servers.push(server);
    }
    return new PlayedKafka(options, servers);
  }

  get ports(): readonly number[] {
    return this.#servers.map((server) => (server.address() as AddressInfo).port);
  }

  get connections(): number {
    return this.#sockets.size;
  }

  /** The values, as text. */
  bodies(): string[] {
    return this.published.map(({ value }) => Buffer.from(value ?? []).toString("latin1"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = this.#servers
      .filter(({ listening }) => listening)
      .map((server) => {
        server.close();
        return once(server, "close");
      });
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(closed);
  }

  #serve(node: number, socket: Socket): void {
    const { login } = this.#options;
    const peer = { node, socket, login: login === undefined ? undefined : new LoginCheck(login) };
    let unread = Buffer.alloc(0);
    let turn: Promise<void> = Promise.resolve();
    this.#sockets.add(socket);
    if (socket instanceof TLSSocket) this.serverNames.push(socket.servername);
    socket.on("close", () => this.#sockets.delete(socket)).on("error", () => {});
    // A peer that ends is not answered at once: a reset can still come behind it.
    socket.on("end", () => setTimeout(() => socket.end(), 50));
    socket.on("data", (chunk: Buffer) => {
      unread = Buffer.concat([unread, chunk]);
      while (unread.length >= 4 && unread.length >= 4 + unread.readInt32BE()) {
        const request = requestOf(unread.subarray(4, 4 + unread.readInt32BE()));
        unread = unread.subarray(4 + unread.readInt32BE());
        // One after the other, as brokers do for each connection.
        turn = turn.then(() => this.#answer(peer, request));
      }
    });
  }

  async #answer(peer: Peer, request: Request): Promise<void> {
    const body = await this.#bodyFor(peer, request);
    if (body === undefined) return;
    peer.socket.write(
      Buffer.concat([int32(request.head.length + body.length), request.head, body]),
    );
  }

  async #bodyFor(peer: Peer, request: Request): Promise<Buffer | undefined> {
    const { api, version, body } = request;
    if (api === API.versions) return versionsBody(version);
    if (api === API.handshake) return this.#handshake(body);
    if (api === API.authenticate) return authenticateBody(peer, body);
    if (peer.login !== undefined && !peer.login.isDone) {
      peer.socket.destroy();
      return undefined;
    }
    return api === API.metadata ? this.#metadata() : await this.#produce(peer, request);
  }

  #handshake(body: WireReader): Buffer {
    const wanted = this.#options.login?.mechanism ?? "";
    const error = body.string() === wanted ? 0 : KAFKA_ERROR.unsupportedMechanism;
    return Buffer.concat([int16(error), array([string(wanted)])]);
  }

  #metadata(): Buffer {
    const brokers = this.ports.map((port, node) =>
      Buffer.concat([
        int32(node),
        compactString(this.advertisedHost),
        int32(port),
        NULL_COMPACT,
        NO_TAGS,
      ]),
    );
    const nodes = compactArray(brokers.map((_, node) => int32(node)));
    const partitions = Array.from({ length: this.#options.partitionCount ?? 1 }, (_, index) =>
      Buffer.concat([
        ...[int16(0), int32(index), int32(this.leader), int32(0)],
        ...[nodes, nodes, compactArray([]), NO_TAGS],
      ]),
    );
    const topic = Buffer.concat([
      ...[int16(this.topicError), compactString(TOPIC), Buffer.alloc(16, 1), int8(0)],
      ...[compactArray(this.topicError === 0 ? partitions : []), int32(-2_147_483_648), NO_TAGS],
    ]);
    return Buffer.concat([
      ...[int32(0), compactArray(brokers), compactString("cluster"), int32(0)],
      ...[compactArray([topic]), NO_TAGS],
    ]);
  }

  async #produce(peer: Peer, { head, body }: Request): Promise<Buffer | undefined> {
    body.compactString();
    if (body.int16() !== -1) throw new Error("acks must be all");
    body.int32();
    const [topic] = body.compactArray(() => ({
      name: body.compactString(),
      partitions: body.compactArray(() => {
        const partition = body.int32();
        const records = recordsOf(body.compactBytes() ?? Buffer.alloc(0));
        body.tags();
        return records.map((record) => ({ partition, ...record }));
      }),
    }));
    const [records = []] = topic?.partitions ?? [];
    this.batches.push(records.length);
    const fate = peer.node === this.leader ? await this.fate(records) : KAFKA_ERROR.notLeader;
    const error = typeof fate === "number" ? fate : 0;
    if (error === 0 && fate !== "lost") this.published.push(...records);
    if (fate === "cut" || fate === "lost") cut(peer.socket);
    if (fate === "garbled") peer.socket.write(Buffer.concat([int32(-50), head, Buffer.alloc(9)]));
    if (fate === "silent" || fate === "garbled") return undefined;
    const answer = Buffer.concat([
      ...[int32(records[0]?.partition ?? 0), int16(error), int64(error === 0 ? 7n : -1n)],
      ...[int64(-1n), int64(0n), compactArray([]), NULL_COMPACT, NO_TAGS],
    ]);
    const answers = [compactString(topic?.name ?? ""), compactArray([answer]), NO_TAGS];
    return Buffer.concat([compactArray([Buffer.concat(answers)]), int32(0), NO_TAGS]);
  }
}

/** Its head is what the answer begins with: the correlation id, and tags where versions have them. */
function requestOf(bytes: Buffer): Request {
  const body = new WireReader(bytes);
  const [api, version, correlation] = [body.int16(), body.int16(), body.int32()];
  body.string();
  const isFlexible = api !== API.handshake && !(api === API.versions && version < 3);
  if (isFlexible) body.tags();
  // KIP-511: an answer about versions has no tags there, so that every client can read it.
  const tags = isFlexible && api !== API.versions ? [NO_TAGS] : [];
  return { api, version, head: Buffer.concat([int32(correlation), ...tags]), body };
}

function versionsBody(version: number): Buffer {
  const isFlexible = version === 3;
  const rows = VERSIONS.map(([key, lowest, highest]) =>
    Buffer.concat([int16(key), int16(lowest), int16(highest), ...(isFlexible ? [NO_TAGS] : [])]),
  );
  const error = version > 3 ? KAFKA_ERROR.unsupportedVersion : 0;
  if (isFlexible) return Buffer.concat([int16(error), compactArray(rows), int32(0), NO_TAGS]);
  return Buffer.concat([int16(error), array(rows), ...(version > 3 ? [] : [int32(0)])]);
}

function authenticateBody(peer: Peer, body: WireReader): Buffer {
  const answer = peer.login?.step(body.compactBytes() ?? Buffer.alloc(0));
  if (answer !== undefined) {
    const rest = [compactBytes(Buffer.from(answer)), int64(0n), NO_TAGS];
    return Buffer.concat([int16(0), NULL_COMPACT, ...rest]);
  }
  // A broker hangs up behind it, and not always gently.
  setTimeout(() => cut(peer.socket), 20);
  const rest = [compactString("Authentication failed"), compactBytes(Buffer.alloc(0)), int64(0n)];
  return Buffer.concat([int16(KAFKA_ERROR.authentication), ...rest, NO_TAGS]);
}

/** With a reset, where there is no TLS above it. */
function cut(socket: Socket): void {
  if (socket instanceof TLSSocket) socket.destroy();
  else socket.resetAndDestroy();
}
