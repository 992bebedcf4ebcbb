/**
 * Publishes to one topic of Kafka. It tries nothing again by itself: that is for the pump, which knows
 * what is in order. What the library does not bring to an end is ended here.
 *
 * @module
 */
import { identifierFrom, ReceiverError } from "../errors.ts";
import type { Clock } from "../host/clock.ts";
import { KAFKA_CLOSE_MAX_MS, KAFKA_CONNECT_MAX_MS } from "../limits.ts";
import { brokerError } from "./broker-error.ts";
import { type BrokerRecord, KafkaProducer, type ProducerOptions } from "./kafka-producer.ts";

export class BrokerClient implements AsyncDisposable {
  readonly #options: ProducerOptions;
  readonly #clock: Clock;
  readonly #open: (broken: () => void) => KafkaProducer;
  #producer: KafkaProducer;
  /** Of everything that is being published: how it is given up. */
  readonly #underWay = new Set<(error: unknown) => void>();
  #endings: Promise<unknown> = Promise.resolve();

  private constructor(
    options: ProducerOptions,
    clock: Clock,
    open: (broken: () => void) => KafkaProducer,
  ) {
    this.#options = options;
    this.#clock = clock;
    this.#open = open;
    this.#producer = this.#renewed();
  }

  /** Loads the library; connects with the first record. */
  static async open(options: ProducerOptions, clock: Clock): Promise<BrokerClient> {
    return new BrokerClient(options, clock, await KafkaProducer.load(options));
  }

  /**
   * Resolves once all replicas that are in sync have all of the records, next to each other in one
   * partition.
   *
   * @param records with one key
   * @throws {ReceiverError} `OUTLET_REFUSED` or `OUTLET_TOO_LARGE`, with the code of what went wrong.
   *   They may be there all the same
   */
  async publish(records: readonly BrokerRecord[]): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const producer = this.#producer;
    using _patience = this.#clock.after(this.#mostMs(), () => this.#abandon(producer, "HANGS"));
    this.#underWay.add(reject);
    producer.publish(records).then(resolve, reject);
    try {
      await promise;
    } catch (error) {
      if (error instanceof ReceiverError) throw error;
      const bytes = records.reduce((sum, { value }) => sum + value.length, 0);
      throw brokerError(error, bytes);
    } finally {
      this.#underWay.delete(reject);
    }
  }

  /** What is under way is given up: it was waited for. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#abandon(this.#producer, "STOPPED");
    await this.#endings;
  }

  /** Every broker was tried to be reached, and topic and record had their time: nothing more will come. */
  #mostMs(): number {
    const { brokers, timeoutMs } = this.#options;
    return (brokers.length + 1) * KAFKA_CONNECT_MAX_MS + 4 * timeoutMs;
  }

  #renewed(): KafkaProducer {
    const producer = this.#open(() => this.#abandon(producer, "BROKEN_ANSWER"));
    return producer;
  }

  /** The next record begins with new connections. */
  #abandon(producer: KafkaProducer, why: string): void {
    if (producer !== this.#producer) return;
    this.#producer = this.#renewed();
    for (const reject of this.#underWay) {
      reject(new ReceiverError("OUTLET_REFUSED", { facts: { error: identifierFrom(why) } }));
    }
    this.#endings = Promise.all([this.#endings, this.#endOf(producer)]);
  }

  async #endOf(producer: KafkaProducer): Promise<void> {
    const { promise: late, resolve } = Promise.withResolvers<void>();
    using _patience = this.#clock.after(KAFKA_CLOSE_MAX_MS, resolve);
    await Promise.race([producer.close(), late]);
  }
}
