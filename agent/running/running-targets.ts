/** The channels that deliver, to hospital systems and into folders. @module */
import { heldQueue } from "../deliver/held-queue.ts";
import { Senders, type Target } from "../deliver/senders.ts";
import { targetsOf } from "../sender-options.ts";
import type { Change } from "./change.ts";
import { type ChannelSet, changesOf } from "./channel-set.ts";
import { closeOwn } from "./own-conditions.ts";
import type { RunningParts } from "./running-parts.ts";

export class RunningTargets {
  readonly senders: Senders;
  readonly #parts: RunningParts;
  #targets: readonly Target[] = [];

  constructor(parts: RunningParts) {
    const { outbox, graceMs, log, tasks, clock, chance, conditions, holds } = parts;
    this.#parts = parts;
    this.senders = new Senders({
      ...{ log, tasks, clock, chance, conditions, graceMs },
      queueOf: (channel) => {
        const queue = outbox.inbox.queueOf(channel);
        return holds === undefined ? queue : heldQueue(queue, channel, holds);
      },
    });
  }

  /** @throws {AgentError} `SENDER_TLS_MATERIAL` */
  async open(set: ChannelSet): Promise<void> {
    this.#targets = targetsOf(set);
    for (const target of this.#targets) await this.senders.open(target);
  }

  /**
   * What is to be done, one for each channel that changes: one sender of a channel ends before the next begins, for both
   * would take the same message.
   */
  change({ next, undo, goOn }: Change): (() => Promise<void>)[] {
    const before = this.#targets;
    this.#targets = targetsOf(next);
    undo.add(() => {
      this.#targets = before;
    });
    const { added, changed, removed } = changesOf<Target>(before, this.#targets);
    const swap = async (old: Target | undefined, target: Target | undefined): Promise<void> => {
      if (old !== undefined) {
        await this.senders.close(old.name);
        closeOwn("target", old.name, this.#parts.conditions);
        undo.add(async () => {
          goOn();
          await this.senders.open(old);
        });
      }
      if (target === undefined) return;
      goOn();
      await this.senders.open(target);
      undo.add(async () => {
        await this.senders.close(target.name);
        closeOwn("target", target.name, this.#parts.conditions);
      });
    };
    return [
      ...removed.map((old) => () => swap(old, undefined)),
      ...changed.map((one) => () => swap(one.before, one.after)),
      ...added.map((target) => () => swap(undefined, target)),
    ];
  }
}
