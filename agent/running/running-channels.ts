/**
 * The channels that run: those that listen, those that take files, those that deliver. Together they are changed for
 * another set, as a whole: what is the same in both goes on untouched, and if one step fails everything is again what
 * it was (07 2.10, APPLYING).
 *
 * What is cut: nothing of a channel whose configuration is the same. Where only the rules for its messages change
 * (acknowledgments, duplicates, filters, priority, room), nothing either. Where a listener's limits, timeouts or TLS
 * change, its port stays open and its connections end once what they had read whole is answered; where only `allow`,
 * `maxConnections` or `staleAfterSeconds` does, those stay that still may. A new address is opened before the old one
 * is closed. A folder, or a hospital system that is delivered to, is let go with what is in hand finished.
 *
 * @module
 */
import { isDeepStrictEqual } from "node:util";
import { storeChannel } from "../channel-options.ts";
import type { Senders } from "../deliver/senders.ts";
import { AgentError } from "../errors.ts";
import type { ChannelRecord } from "../health/channel-record.ts";
import { targetsOf } from "../sender-options.ts";
import { loadMaterial } from "./certificates.ts";
import type { Change } from "./change.ts";
import { type ChannelHealth, healthOf } from "./channel-health.ts";
import { type ChannelSet, changesOf, downstreamOf, shareOf, upstreamOf } from "./channel-set.ts";
import { type PreflightFinding, preflight } from "./preflight.ts";
import { type RunningDrop, RunningDrops } from "./running-drops.ts";
import { type RunningListener, RunningListeners } from "./running-listeners.ts";
import type { RunningParts } from "./running-parts.ts";
import { RunningTargets } from "./running-targets.ts";
import { Undo } from "./undo.ts";

/** Names of channels. */
export interface AppliedChanges {
  readonly added: readonly string[];
  readonly changed: readonly string[];
  readonly removed: readonly string[];
}

export type AppliedSet =
  | (AppliedChanges & { readonly kind: "applied" })
  /** What ran before runs again, but for those missing. A listener whose port was taken meanwhile goes on trying. */
  | { readonly kind: "wentBack"; readonly why: AgentError; readonly missing: readonly string[] };

export class RunningChannels implements AsyncDisposable {
  readonly #parts: RunningParts;
  readonly #listeners: RunningListeners;
  readonly #drops: RunningDrops;
  readonly #targets: RunningTargets;
  #set: ChannelSet;
  /** Whatever is asked comes after what was asked before. */
  #turn: Promise<unknown> = Promise.resolve();
  readonly #stopping = new AbortController();
  #ended: Promise<void> | undefined;

  private constructor(set: ChannelSet, parts: RunningParts) {
    this.#set = set;
    this.#parts = parts;
    this.#listeners = new RunningListeners(parts);
    this.#drops = new RunningDrops(parts);
    this.#targets = new RunningTargets(parts);
  }

  /**
   * The outbox knows these channels, and the relay follows their configuration, already.
   *
   * @throws {AgentError} the first channel that could not be opened; nothing stays open
   */
  static async open(set: ChannelSet, parts: RunningParts): Promise<RunningChannels> {
    await using opening = new AsyncDisposableStack();
    const running = opening.use(new RunningChannels(set, parts));
    const shareBytes = shareOf(parts.diskBudgetBytes, set);
    await running.#targets.open(set);
    for (const channel of set.channels) await running.#listeners.open(channel, shareBytes);
    for (const drop of set.drops) running.#drops.open(drop, shareBytes);
    running.#listeners.refuseOnOthers();
    opening.move();
    return running;
  }

  /** What runs. */
  get set(): ChannelSet {
    return this.#set;
  }

  get listeners(): readonly RunningListener[] {
    return this.#listeners.all;
  }

  /** Of the listeners that are open. */
  get ports(): readonly { readonly name: string; readonly host: string; readonly port: number }[] {
    return this.listeners.map(({ config: { name, host }, listener }) => {
      return { name, host, port: listener.port };
    });
  }

  get drops(): readonly RunningDrop[] {
    return this.#drops.all;
  }

  get senders(): Senders {
    return this.#targets.senders;
  }

  /** Of a channel that takes messages from a hospital system. */
  recordOf(name: string): ChannelRecord | undefined {
    return (this.#listeners.of(name) ?? this.#drops.of(name))?.record;
  }

  /** How each channel does: to be compared with how it did before. */
  health(): readonly ChannelHealth[] {
    return healthOf(this, this.#parts);
  }

  /**
   * What would keep another set from running: looked at by doing, beside what runs, which it leaves as it is (07 2.10,
   * PREFLIGHT).
   *
   * @returns all that was found; none: it may be applied
   */
  preflight(next: ChannelSet): Promise<readonly PreflightFinding[]> {
    return this.#inTurn(() => preflight(next, this.#set, this.#parts, this.#stopping.signal));
  }

  /**
   * Changes the set for another one. Resolves once everything of it runs and connections that had to end have ended,
   * each within the grace; or once what ran before runs again.
   *
   * @throws {AgentError} `AGENT_NOT_RUNNING`: the agent stops
   */
  apply(next: ChannelSet): Promise<AppliedSet> {
    return this.#inTurn(() => this.#apply(next));
  }

  /** Hangs up on everybody now. A disposal under way goes on faster. */
  abort(): void {
    this.#stopping.abort();
    this.#listeners.abort();
    this.#drops.abort();
    this.#targets.senders.abort();
  }

  /** Takes no more messages, answers what was read, then finishes what is being delivered. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    this.#ended ??= this.#close();
    return this.#ended;
  }

  async #close(): Promise<void> {
    // A change under way opens nothing more.
    await this.#turn.catch(() => {});
    await Promise.all([this.#listeners.close(), this.#drops.close()]);
    await this.#targets.senders[Symbol.asyncDispose]();
  }

  async #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const before = this.#turn;
    const mine = before.catch(() => {}).then(work);
    this.#turn = mine;
    return await mine;
  }

  async #apply(next: ChannelSet): Promise<AppliedSet> {
    const { log, diskBudgetBytes } = this.#parts;
    const before = this.#set;
    const undo = new Undo();
    const change: Change = {
      ...{ next, undo, ending: [] },
      shareBefore: shareOf(diskBudgetBytes, before),
      shareAfter: shareOf(diskBudgetBytes, next),
      goOn: () => {
        if (this.#stopping.signal.aborted) throw new AgentError("AGENT_NOT_RUNNING", {});
      },
    };
    try {
      change.goOn();
      await this.#switch(before, change);
    } catch (error) {
      return await this.#goBack(error, change);
    }
    this.#set = next;
    this.#listeners.refuseOnOthers();
    this.#targets.senders.forgetClosed();
    await Promise.all(change.ending);
    const changes = namesIn(before, next);
    const { added, changed, removed } = changes;
    const counts = { added: added.length, changed: changed.length, removed: removed.length };
    log.write("channelsChanged", counts);
    return { kind: "applied", ...changes };
  }

  /** What may fail comes first, as far as that can be. */
  async #switch(before: ChannelSet, change: Change): Promise<void> {
    const { next, undo, goOn } = change;
    loadMaterial(before, next);
    // Of what is delivered nothing is refused before all is well: the receiver would stay away for a while.
    const all = [...new Set([...downstreamOf(before), ...downstreamOf(next)])];
    undo.add(() => this.#follow(before, downstreamOf(before)));
    await this.#follow(next, all);
    await this.#listeners.change(change);
    const swaps = [...this.#drops.change(change), ...this.#targets.change(change)];
    const ends = await Promise.allSettled(swaps.map((swap) => swap()));
    const failed = ends.find((end) => end.status === "rejected");
    if (failed !== undefined) throw failed.reason;
    goOn();
    if (!isDeepStrictEqual(all, downstreamOf(next))) await this.#follow(next, downstreamOf(next));
  }

  /** A new channel has its place in the store from now on, and its stream. */
  async #follow(set: ChannelSet, downstream: readonly string[]): Promise<void> {
    const { outbox, relay, ownDownstream = [] } = this.#parts;
    const upstream = upstreamOf(set);
    const delivered = [...downstream, ...ownDownstream];
    relay.follow({ rules: new Map(upstream.map((channel) => [channel.name, channel])), delivered });
    await outbox.serve({ channels: upstream.map(storeChannel), downstream: delivered });
  }

  async #goBack(error: unknown, { undo, ending }: Change): Promise<AppliedSet> {
    const { log } = this.#parts;
    if (this.#stopping.signal.aborted) throw new AgentError("AGENT_NOT_RUNNING", {});
    const faults = await undo.run();
    this.#listeners.refuseOnOthers();
    await Promise.all(ending);
    for (const fault of [error, ...faults]) {
      // What is no fault of the world is a defect: everything is put back, and then it is thrown.
      if (!(fault instanceof AgentError)) throw fault;
      log.fault("channelsWentBack", fault);
    }
    return { kind: "wentBack", why: error as AgentError, missing: this.#missing() };
  }

  #missing(): string[] {
    const isOpen = ({ name }: { readonly name: string }): boolean =>
      this.#listeners.of(name)?.listener.isListening ?? false;
    const { channels, drops } = this.#set;
    return [
      // While the store cannot store no port is open.
      ...(this.#parts.doorway.isOpen ? channels.filter((one) => !isOpen(one)) : []),
      ...drops.filter(({ name }) => this.#drops.of(name) === undefined),
      ...targetsOf(this.#set).filter(({ name }) => this.senders.of(name) === undefined),
    ].map(({ name }) => name);
  }
}

function namesIn(before: ChannelSet, next: ChannelSet): AppliedChanges {
  const all = (set: ChannelSet) => [...upstreamOf(set), ...set.senders, ...set.folderSenders];
  const { added, changed, removed } = changesOf<{ readonly name: string }>(all(before), all(next));
  return {
    added: added.map(({ name }) => name),
    changed: changed.map(({ before: { name } }) => name),
    removed: removed.map(({ name }) => name),
  };
}
