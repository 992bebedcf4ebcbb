/** A Kafka outlet on a stage, and what tests ask of it. @module */
import { systemClock } from "#receiver/host/clock.ts";
import { Kafka } from "#receiver/outlets/kafka.ts";
import type { ProducerOptions } from "#receiver/outlets/kafka-producer.ts";
import { until } from "#test/support/processes.ts";
import type { OutletStage } from "./outlet-stage.ts";
import type { Fate, PlayedKafka } from "./played-kafka.ts";

type Options = Partial<ProducerOptions> & { readonly maxMessageBytes?: number };

/** A stage whose messages go to the brokers at `ports`. */
export async function connect(
  stage: OutletStage,
  ports: readonly number[],
  { maxMessageBytes = 1_000_000, ...options }: Options = {},
) {
  await using stack = new AsyncDisposableStack();
  const brokers = ports.map((port) => ({ host: "127.0.0.1", port }));
  const rest = { topic: "hl7", tls: null, login: null, timeoutMs: 5_000, requestsAtOnce: 4 };
  const client = { brokers, ...rest, ...options };
  const kafka = stack.use(await Kafka.open({ name: "lab", maxMessageBytes, client }, systemClock));
  stack.use(await stage.pump(kafka));
  return stack.move();
}

/** What was said of failures, from the fifth on. */
export async function saidStuck(stage: OutletStage): Promise<Readonly<Record<string, unknown>>> {
  await until("it is said", () => stage.logged.some(({ event }) => event === "outletStuck"));
  return stage.logged.find(({ event }) => event === "outletStuck")?.facts ?? {};
}

/** Waits until the position of `adt` is there. */
export async function taken(stage: OutletStage, position: string): Promise<void> {
  await until(`${position} is taken`, async () => (await stage.position("lab")) === position);
}

/** The first requests to publish end so; all others well. */
export function first(...fates: readonly Fate[]): PlayedKafka["fate"] {
  const left = [...fates];
  return () => left.shift() ?? "ok";
}
