/**
 * Hands on to a topic of Kafka: a message as its raw bytes, a gap as JSON, each with its identity in
 * headers. What is not acknowledged by all replicas is published again, and so may lie there twice;
 * consumers drop what is not behind the last (epoch, seq) of its key. For that reason the producer is
 * not idempotent: its protection ends with the process, theirs does not.
 *
 * @module
 */
import { identifierFrom, ReceiverError } from "../errors.ts";
import type { Clock } from "../host/clock.ts";
import { KAFKA_BATCH_MAX_BYTES, KAFKA_RECORD_OVERHEAD_BYTES } from "../limits.ts";
import type { Taker } from "./channel-pump.ts";
import type { OutletEvent } from "./event.ts";
import { channelText, contentOf, identityOf } from "./identity.ts";
import { BrokerClient } from "./kafka-client.ts";
import type { BrokerRecord, ProducerOptions } from "./kafka-producer.ts";
import { Slots } from "./slots.ts";
import { webhookId } from "./webhook-signature.ts";

export interface KafkaOptions {
  readonly name: string;
  /** Of a body; a larger one is refused here. */
  readonly maxMessageBytes: number;
  readonly client: ProducerOptions;
}

export class Kafka implements Taker, AsyncDisposable {
  readonly name: string;
  readonly #maxMessageBytes: number;
  readonly #client: BrokerClient;
  /** Bodies above a batch, one at a time, so that they are not all in memory at once (I-8). */
  readonly #large = new Slots(1);

  private constructor({ name, maxMessageBytes }: KafkaOptions, client: BrokerClient) {
    this.name = name;
    this.#maxMessageBytes = maxMessageBytes;
    this.#client = client;
  }

  /** Connects with the first message. */
  static async open(options: KafkaOptions, clock: Clock): Promise<Kafka> {
    return new Kafka(options, await BrokerClient.open(options.client, clock));
  }

  /** {@inheritDoc Taker.take} */
  async take(event: OutletEvent): Promise<void> {
    await this.takeSome([event]);
  }

  /** {@inheritDoc Taker.takeSome} */
  async takeSome(events: readonly OutletEvent[]): Promise<number> {
    const some = this.#batchOf(events);
    const publish = async (): Promise<void> => {
      await this.#client.publish(await Promise.all(some.map(recordOf)));
    };
    const isLarge = some.some((event) => sizeOf(event) > KAFKA_BATCH_MAX_BYTES);
    if (isLarge) await this.#large.use(publish);
    else await publish();
    return some.length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client[Symbol.asyncDispose]();
  }

  /** @throws {ReceiverError} `OUTLET_TOO_LARGE` if the first is; another one is for the next batch */
  #batchOf(events: readonly OutletEvent[]): readonly OutletEvent[] {
    const [first, ...others] = events;
    if (first === undefined) return [];
    const bytes = contentOf(first).bytes;
    if (bytes > this.#maxMessageBytes) {
      const raise = identifierFrom("maxMessageBytes");
      throw new ReceiverError("OUTLET_TOO_LARGE", { facts: { bytes, raise } });
    }
    const most = Math.min(this.#maxMessageBytes, KAFKA_BATCH_MAX_BYTES);
    let sum = sizeOf(first);
    const end = others.findIndex((event) => {
      sum += sizeOf(event);
      return sum > most;
    });
    return [first, ...(end === -1 ? others : others.slice(0, end))];
  }
}

function sizeOf(event: OutletEvent): number {
  return contentOf(event).bytes + KAFKA_RECORD_OVERHEAD_BYTES;
}

/** All events of a channel have one key: they lie in one partition, in their order. */
async function recordOf(event: OutletEvent): Promise<BrokerRecord> {
  const { contentType, slices } = contentOf(event);
  const headers = {
    "Holdfast-Id": webhookId(event),
    ...identityOf(event),
    "Content-Type": contentType,
  };
  return {
    key: `${event.agent}/${channelText(event)}`,
    headers,
    value: await wholeOf(slices()),
  };
}

async function wholeOf(slices: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const slice of slices) parts.push(slice);
  return Buffer.concat(parts);
}
