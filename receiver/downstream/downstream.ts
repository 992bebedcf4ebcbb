/**
 * Everything that goes down one connection (TP34): a stream for each channel with messages for the agent,
 * with the roles of the upstream exchanged.
 *
 * @module
 */
import { type CmdResultFrame, ERROR_CODE, FRAME_TYPE } from "#protocol/frame.ts";
import { STREAMS_MAX_COUNT } from "#protocol/limits.ts";
import { ProtocolError } from "#protocol/protocol-error.ts";
import {
  type SendingOptions,
  SendingStreams,
  type SourceFrame,
} from "#streams/source/sending-streams.ts";
import type { Facts } from "../errors.ts";
import type { Clock } from "../host/clock.ts";
import type { LogEvent } from "../host/log.ts";
import { COMMANDS_CHANNEL } from "../served-channels.ts";
import type { OutgoingChannel, OutgoingStore } from "../store/outgoing.ts";
import { allOutgoingChannels } from "../store/walk.ts";
import { ChannelSource } from "./channel-source.ts";
import { CommandLane } from "./command-lane.ts";

/** What an agent says to what goes down. */
export type DownstreamFrame = SourceFrame | CmdResultFrame;

export interface DownstreamOptions extends Omit<SendingOptions, "onFault" | "clock"> {
  /** The capability `downstream` is in force (TP12). */
  readonly takesMessages: boolean;
  /** So is `commands`. */
  readonly takesCommands: boolean;
  readonly store: OutgoingStore;
  readonly clock: Clock;
  readonly agent: number;
  readonly session: number;
  /** The session is over: a newer one has begun (RI2). */
  readonly fenced: () => void;
  /** The store cannot go on, or gave an answer that is no answer. */
  readonly failed: (error: unknown) => void;
  readonly log: (event: LogEvent, facts: Facts) => void;
}

export class Downstream {
  readonly #options: DownstreamOptions;
  readonly #streams: SendingStreams;
  readonly #channels = new Map<string, ChannelSource>();
  readonly #commands: CommandLane | undefined;
  #isLooking = false;
  #isLookDue = false;
  #isClosed = false;

  constructor(options: DownstreamOptions) {
    this.#options = options;
    this.#streams = new SendingStreams({ ...options, onFault: options.failed });
    this.#commands = options.takesCommands ? new CommandLane(options) : undefined;
  }

  get isInFlight(): boolean {
    return this.#streams.inFlightBytes > 0;
  }

  /** There may be messages that were not there before: asks the store, and opens what is new. */
  look(): void {
    this.#commands?.look();
    if (!this.#options.takesMessages) return;
    this.#isLookDue = true;
    if (this.#isLooking || this.#isClosed) return;
    this.#isLooking = true;
    this.#lookOnce().then(
      () => {
        this.#isLooking = false;
        if (this.#isLookDue) this.look();
      },
      (error: unknown) => this.#options.failed(error),
    );
  }

  /** @throws {ProtocolError} if it does not follow what came before, or is of a capability not in force */
  heed(frame: DownstreamFrame): void {
    const { type } = frame;
    if (type === "cmdResult" && this.#commands !== undefined) this.#commands.answered(frame);
    else if (type !== "cmdResult" && this.#options.takesMessages) this.#streams.heed(frame);
    else {
      const about = { frameType: FRAME_TYPE[type] };
      throw new ProtocolError(ERROR_CODE.outOfOrder, `Cannot take ${type} here`, about);
    }
  }

  ponged(roundTripMs: number): void {
    this.#streams.ponged(roundTripMs);
  }

  /** TP32: no new message; the one in hand is finished. */
  drain(): void {
    this.#commands?.drain();
    this.#streams.stopAfterCurrent();
  }

  /** The socket has less unsent than before. */
  pump(): void {
    this.#streams.pump();
  }

  close(): void {
    this.#isClosed = true;
    this.#commands?.[Symbol.dispose]();
    this.#streams.end();
  }

  async #lookOnce(): Promise<void> {
    this.#isLookDue = false;
    const { store, agent, log } = this.#options;
    for await (const standing of allOutgoingChannels(store, agent)) {
      if (this.#isClosed) return;
      if (standing.channel === COMMANDS_CHANNEL) continue;
      const known = this.#channels.get(standing.channel);
      if (known !== undefined) known.refreshed(standing);
      else if (this.#channels.size < STREAMS_MAX_COUNT / 2) this.#begin(standing);
      else log("downstreamHeld", { channels: this.#channels.size });
    }
  }

  /** The receiver opens even streams (TP6). */
  #begin(standing: OutgoingChannel): void {
    const number = (this.#channels.size + 1) * 2;
    const { log } = this.#options;
    const source = new ChannelSource(standing, {
      ...this.#options,
      wake: (woken) => this.#streams.wake(woken),
      reopen: (again) => this.#streams.reopen(again),
      look: () => this.look(),
      log: (event, facts) => log(event, { stream: number, ...facts }),
    });
    this.#channels.set(standing.channel, source);
    this.#streams.add(number, source);
  }
}
