/**
 * The client library of Kafka, and the only file that knows it. It is loaded when an outlet is configured
 * that needs it: it takes some tens of MB.
 *
 * @module
 */
import type { Socket } from "node:net";
import { isIP } from "node:net";
import type { Producer } from "@platformatic/kafka";
import { identifierFrom, ReceiverError } from "../errors.ts";
import { KAFKA_CONNECT_MAX_MS, KAFKA_METADATA_MAX_MS } from "../limits.ts";
import { isLoopback } from "./loopback.ts";

export interface Broker {
  /** Without the brackets of an IPv6 address. */
  readonly host: string;
  readonly port: number;
}

/** PEM. */
export interface BrokerTls {
  /** The trust store of Node if it is absent. */
  readonly ca?: string | undefined;
  readonly certificate?: string | undefined;
  readonly key?: string | undefined;
}

export interface BrokerLogin {
  readonly mechanism: "plain" | "scram-sha-256" | "scram-sha-512";
  readonly username: string;
  readonly password: string;
}

export interface ProducerOptions {
  /** At least one; it names the others. */
  readonly brokers: readonly Broker[];
  readonly topic: string;
  /** Null: in the clear, and then to this machine only, whatever a broker says of the others. */
  readonly tls: BrokerTls | null;
  readonly login: BrokerLogin | null;
  /** How long a broker may take to answer. */
  readonly timeoutMs: number;
  /** Requests under way on one connection. */
  readonly requestsAtOnce: number;
}

export interface BrokerRecord {
  /** Decides on the partition, as in the clients of Apache Kafka. */
  readonly key: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly value: Uint8Array;
}

type Library = typeof import("@platformatic/kafka");

const MECHANISMS = {
  plain: "PLAIN",
  "scram-sha-256": "SCRAM-SHA-256",
  "scram-sha-512": "SCRAM-SHA-512",
} as const;

export class KafkaProducer {
  readonly #topic: string;
  readonly #library: Library;
  readonly #producer: Producer;
  /** Another machine was named by a broker that is spoken to in the clear. */
  #isElsewhere = false;

  private constructor(library: Library, options: ProducerOptions, broken: () => void) {
    this.#topic = options.topic;
    this.#library = library;
    this.#producer = new library.Producer(libraryOptions(options));
    this.#producer.connections.on("connecting", ({ connection }) => {
      // A second error, when the library no longer listens, would end the process.
      connection.on("error", () => {});
      // The socket is there when this call has ended, and nothing was read from it yet.
      queueMicrotask(() => {
        if (connection.socket !== undefined) contain(connection.socket, broken);
      });
    });
    if (options.tls === null) this.#stayOnThisMachine();
  }

  /** @returns what makes one; `broken` is called when it cannot be trusted to end what it has begun */
  static async load(options: ProducerOptions): Promise<(broken: () => void) => KafkaProducer> {
    const library = await import("@platformatic/kafka");
    // With DEBUG in the environment its requests, and so messages, would be written to standard error.
    for (const logger of Object.values(library.loggers)) logger.enabled = false;
    return (broken) => new KafkaProducer(library, options, broken);
  }

  /** As `BrokerClient.publish`, but throws what the library throws. */
  async publish(records: readonly BrokerRecord[]): Promise<void> {
    try {
      await this.#refuseOddTopic();
      const { offsets = [] } = await this.#producer.send({
        acks: this.#library.ProduceAcks.ALL,
        // A number computed for the partitions of yesterday must not be used for those of today.
        repeatOnStaleMetadata: false,
        partitioner: this.#library.compatibilityPartitioner,
        messages: records.map((record) => this.#messageOf(record)),
      });
      if (offsets.length !== 1) throw refused("NO_ACKNOWLEDGMENT");
    } catch (error) {
      // Who leads what may have changed.
      this.#producer.clearMetadata();
      throw this.#isElsewhere ? refused("PLAINTEXT_ELSEWHERE", error) : error;
    }
  }

  /** At once, whatever is under way. Never throws. */
  async close(): Promise<void> {
    // A peer that reads nothing must not hold this up.
    for (const [, { socket }] of this.#producer.connections) socket?.destroy();
    await this.#producer.close(true).catch(() => {});
  }

  /** The library takes it for granted that there are partitions, each with its number. */
  async #refuseOddTopic(): Promise<void> {
    const { topics } = await this.#producer.metadata({ topics: [this.#topic] });
    const { partitions = [], partitionsCount = 0 } = topics.get(this.#topic) ?? {};
    if (partitions.length === 0 || partitions.length !== partitionsCount) {
      throw refused("ODD_PARTITIONS");
    }
  }

  /** Whatever is not of this machine is forgotten before anything is sent there. */
  #stayOnThisMachine(): void {
    this.#producer.on("client:metadata", ({ brokers }) => {
      const strangers = [...brokers].filter(([, { host }]) => !isLoopback(host));
      for (const [id] of strangers) brokers.delete(id);
      this.#isElsewhere = strangers.length > 0;
    });
  }

  #messageOf({ key, headers, value }: BrokerRecord) {
    const pairs = Object.entries(headers).map(([name, text]): [Buffer, Buffer] => [
      Buffer.from(name),
      Buffer.from(text),
    ]);
    return {
      topic: this.#topic,
      key: Buffer.from(key),
      value: Buffer.from(value.buffer, value.byteOffset, value.byteLength),
      headers: new Map(pairs),
    };
  }
}

/**
 * On an answer that is none the library throws out of the events of its socket, which would end the
 * process; and it never ends the request.
 */
function contain(socket: Socket, broken: () => void): void {
  const emit = socket.emit.bind(socket);
  socket.emit = (event: string | symbol, ...args: unknown[]): boolean => {
    try {
      return emit(event, ...args);
    } catch {
      socket.destroy();
      broken();
      return true;
    }
  };
}

function libraryOptions(options: ProducerOptions) {
  const { brokers, tls, login, timeoutMs, requestsAtOnce } = options;
  return {
    clientId: "holdfast-receiver",
    bootstrapBrokers: brokers.map(({ host, port }) => ({ host, port })),
    retries: 0,
    autocreateTopics: false,
    connectTimeout: Math.min(timeoutMs, KAFKA_CONNECT_MAX_MS),
    requestTimeout: timeoutMs,
    // For the replicas: the leader says that they are slow before it is given up itself.
    timeout: Math.ceil(timeoutMs * 0.75),
    maxInflights: requestsAtOnce,
    metadataMaxAge: KAFKA_METADATA_MAX_MS,
    ...(tls === null ? {} : { tls: tlsOptions(tls), tlsServerName: !areAddresses(brokers) }),
    ...(login === null ? {} : { sasl: { ...login, mechanism: MECHANISMS[login.mechanism] } }),
  };
}

function tlsOptions({ ca, certificate, key }: BrokerTls) {
  return {
    minVersion: "TLSv1.2" as const,
    // Written out: the environment can turn Node's own default off (07 1.9).
    rejectUnauthorized: true,
    ...(ca === undefined ? {} : { ca }),
    ...(certificate === undefined ? {} : { cert: certificate }),
    ...(key === undefined ? {} : { key }),
  };
}

/** RFC 6066 section 3: an address is no server name; certificates are verified against it all the same. */
function areAddresses(brokers: readonly Broker[]): boolean {
  return brokers.every(({ host }) => isIP(host) !== 0);
}

function refused(error: string, cause?: unknown): ReceiverError {
  return new ReceiverError("OUTLET_REFUSED", { cause, facts: { error: identifierFrom(error) } });
}
