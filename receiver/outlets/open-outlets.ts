/**
 * All outlets of a receiver, as its configuration and its platform want them.
 *
 * @module
 */

import { OUTLET_CHANNELS_AT_ONCE } from "../limits.ts";
import type { Place } from "../store/outlets.ts";
import type { WaitingOutlet } from "../store/store.ts";
import {
  namesOf,
  type OutletConfiguration,
  positionsOf,
  readHttp,
  readWebhook,
} from "./configuration.ts";
import type { OutletGap, OutletMessage } from "./event.ts";
import { openHttpOutlet } from "./http-server.ts";
import { Kafka } from "./kafka.ts";
import { readKafka } from "./kafka-configuration.ts";
import { type NamedChannel, type OutletContext, Pump } from "./pump.ts";
import { Webhook } from "./webhook.ts";

/** What a platform that embeds the receiver does with what arrives. */
export interface Handlers {
  /**
   * The name under which the store keeps how far they have come: of no configured outlet or position,
   * and none that begins with `$`, as those of the receiver itself do.
   */
  readonly name: string;
  /**
   * Takes a message: it counts as taken when the promise resolves. In order and one at a time for each
   * channel, several channels at once, each message at least once; what throws comes again.
   */
  readonly onMessage: (message: OutletMessage, signal: AbortSignal) => Promise<void>;
  /** Learns of what is missing, in its place; held to the same. */
  readonly onGap: (gap: OutletGap, signal: AbortSignal) => Promise<void>;
  /** How many channels are handed on at the same time. */
  readonly channelsAtOnce?: number;
}

export interface Outlets extends AsyncDisposable {
  /** Where outlets of the kind `http` listen, by name. */
  readonly addresses: Readonly<Record<string, { readonly host: string; readonly port: number }>>;
  /**
   * Makes an outlet that hands on by itself go on behind `to`, which may lie before what it has taken.
   * Durable when it resolves, once the message under way has ended.
   *
   * @returns false if there is no such outlet or channel
   * @throws {RangeError} if `to` lies behind everything that the channel holds: messages would be missed
   */
  rewind(outlet: string, channel: NamedChannel, to: Place): Promise<boolean>;
  /** Retention keeps a body until each of these has taken it (TP38). */
  readonly positions: readonly WaitingOutlet[];
}

/**
 * @throws {ReceiverError} `OUTLET_FILE`, `LISTEN_…`; those opened before are closed again
 * @throws {TypeError} if the handlers have a name that they cannot have
 */
export async function openOutlets(
  configurations: readonly OutletConfiguration[],
  handlers: Handlers | undefined,
  context: OutletContext,
): Promise<Outlets> {
  if (handlers !== undefined) refuseName(handlers.name, configurations);
  await using stack = new AsyncDisposableStack();
  const pumps = new Map<string, Pump>();
  const addresses: Record<string, { readonly host: string; readonly port: number }> = {};
  for (const outlet of configurations) {
    if (outlet.kind === "http") {
      const opened = stack.use(await openHttpOutlet(readHttp(outlet), context));
      addresses[outlet.name] = opened.address;
    } else {
      const taker =
        outlet.kind === "webhook"
          ? stack.use(new Webhook(readWebhook(outlet), context.clock))
          : stack.use(await Kafka.open(readKafka(outlet), context.clock));
      const { channels = null, channelsAtOnce } = outlet;
      const pump = await Pump.open(taker, context, { channels, channelsAtOnce });
      pumps.set(outlet.name, stack.use(pump));
    }
  }
  if (handlers !== undefined) {
    const { name, channelsAtOnce = OUTLET_CHANNELS_AT_ONCE } = handlers;
    const pump = await Pump.open(takerOf(handlers), context, { channels: null, channelsAtOnce });
    pumps.set(name, stack.use(pump));
  }
  const positions = configurations.flatMap(positionsOf);
  if (handlers !== undefined) positions.push({ outlet: handlers.name, channels: null });
  const opened = stack.move();
  return {
    addresses,
    rewind: async (outlet, channel, to) => (await pumps.get(outlet)?.rewind(channel, to)) ?? false,
    positions,
    async [Symbol.asyncDispose]() {
      // Together: each may wait some seconds for what is under way.
      await Promise.all([...pumps.values()].map((pump) => pump[Symbol.asyncDispose]()));
      await opened.disposeAsync();
    },
  };
}

/** Two with one name would share a position: what one has taken, the other would never get. */
function refuseName(wanted: string, configurations: readonly OutletConfiguration[]): void {
  if (wanted.startsWith("$")) {
    throw new TypeError("Cannot give the handlers a name that begins with $");
  }
  if (configurations.flatMap(namesOf).some(({ name }) => name === wanted)) {
    throw new TypeError("Cannot give the handlers the name of a configured outlet or position");
  }
}

function takerOf({ name, onMessage, onGap }: Handlers) {
  return {
    name,
    take: async (event: OutletMessage | OutletGap, signal: AbortSignal): Promise<void> => {
      if (event.kind === "message") await onMessage(event, signal);
      else await onGap(event, signal);
    },
  };
}
