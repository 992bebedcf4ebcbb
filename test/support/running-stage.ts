/**
 * Channels that run on a real store, with real ports and folders, and without a tunnel: what a configuration's life cycle
 * is given, and what hospital systems see of it.
 *
 * @module
 */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { storeChannel } from "#agent/channel-options.ts";
import { Conditions } from "#agent/health/conditions.ts";
import { systemChance, systemClock } from "#agent/host/clock.ts";
import type { Log } from "#agent/host/log.ts";
import type { PassedSockets } from "#agent/host/passed-sockets.ts";
import { Tasks } from "#agent/host/tasks.ts";
import { Doorway } from "#agent/ingest/accept.ts";
import { StoreGate } from "#agent/ingest/store-gate.ts";
import { DISK_BUDGET_BYTES } from "#agent/limits.ts";
import type { Outbox } from "#agent/outbox/outbox.ts";
import type { Relayed } from "#agent/relay/relay.ts";
import { type ChannelSet, downstreamOf, upstreamOf } from "#agent/running/channel-set.ts";
import { type AppliedSet, RunningChannels } from "#agent/running/running-channels.ts";
import type { FileDropConfig } from "#config/file-drop.ts";
import { fileDrop, withFolders } from "#config/file-drop.ts";
import { type FolderConfig, folder, withAbsoluteFolders } from "#config/folder.ts";
import type { ChannelConfig } from "#config/local.ts";
import { mllpListener } from "#config/mllp-listener.ts";
import { mllpSender, type SenderConfig } from "#config/mllp-sender.ts";
import type { Logged } from "./agent-stack.ts";
import { TestOutbox } from "./test-outbox.ts";

export const EMPTY_SET: ChannelSet = { channels: [], drops: [], senders: [], folderSenders: [] };

export const listenerOn = (
  name: string,
  port: number,
  more: Readonly<Record<string, unknown>> = {},
): ChannelConfig => mllpListener.parse({ name, kind: "mllp-listener", port, ...more });

export const senderTo = (
  name: string,
  port: number,
  more: Readonly<Record<string, unknown>> = {},
): SenderConfig =>
  mllpSender.parse({ name, kind: "mllp-sender", host: "127.0.0.1", port, ...more });

/** @param at a folder; `in` below it is the drop folder, and is made */
export function dropIn(
  name: string,
  at: string,
  more: Readonly<Record<string, unknown>> = {},
): FileDropConfig {
  mkdirSync(join(at, "in"), { recursive: true });
  const own = { folder: "in", completion: "rename", pollSeconds: 1, ...more };
  return withFolders(fileDrop.parse({ name, kind: "file-drop", ...own }), at);
}

export const folderTo = (
  name: string,
  at: string,
  more: Readonly<Record<string, unknown>> = {},
): FolderConfig =>
  withAbsoluteFolders(folder.parse({ name, kind: "folder", folder: at, ...more }), at);

export interface StageOptions {
  readonly graceMs?: number;
  readonly diskBudgetBytes?: number;
  readonly sockets?: PassedSockets;
}

export class RunningStage implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), "holdfast-running-"));
  readonly conditions = new Conditions();
  readonly logged: Logged[] = [];
  /** What the relay was told, the last one last. */
  readonly followed: Relayed[] = [];
  readonly defects: unknown[] = [];
  readonly #store: TestOutbox;
  readonly #gate: StoreGate;
  readonly #tasks = new Tasks((_name, error) => void this.defects.push(error));
  #running: RunningChannels | undefined;

  private constructor(store: TestOutbox) {
    this.#store = store;
    const parts = { clock: systemClock, log: this.#log, conditions: this.conditions };
    this.#gate = new StoreGate({
      ...parts,
      probe: () => store.outbox.probe(),
      probeIntervalMs: 50,
    });
  }

  static async open(set: ChannelSet, options: StageOptions = {}): Promise<RunningStage> {
    const { graceMs = 2_000, diskBudgetBytes = DISK_BUDGET_BYTES, sockets } = options;
    const store = await TestOutbox.open({
      channels: upstreamOf(set).map(storeChannel),
      downstream: downstreamOf(set),
      diskBudgetBytes,
    });
    const stage = new RunningStage(store);
    const parts = { clock: systemClock, log: stage.#log, conditions: stage.conditions };
    const outbox = store.outbox;
    stage.#running = await RunningChannels.open(set, {
      ...{ ...parts, outbox, tasks: stage.#tasks, chance: systemChance, graceMs, diskBudgetBytes },
      doorway: new Doorway({ ...parts, outbox, gate: stage.#gate }),
      sockets,
      relay: { follow: (relayed) => void stage.followed.push(relayed) },
      failed: (_name, error) => void stage.defects.push(error),
    });
    return stage;
  }

  get #log(): Log {
    return {
      write: (event, facts) => void this.logged.push({ event, facts }),
      fault: (event, { facts }) => void this.logged.push({ event, facts }),
    };
  }

  get running(): RunningChannels {
    assert.ok(this.#running !== undefined);
    return this.#running;
  }

  get outbox(): Outbox {
    return this.#store.outbox;
  }

  get gate(): StoreGate {
    return this.#gate;
  }

  get conditionNames(): string[] {
    return this.conditions.list().map(({ condition, subject }) => `${condition} ${subject}`);
  }

  /** @returns the port of a listening channel */
  portOf(name: string): number {
    const found = this.running.listeners.find(({ config }) => config.name === name);
    assert.ok(found !== undefined, `${name} does not run`);
    return found.listener.port;
  }

  /** Bodies of a channel in the store, in order. */
  async stored(name: string): Promise<string[]> {
    const tail = this.outbox.channels.find((one) => one.name === name);
    assert.ok(tail !== undefined, `${name} has no place in the store`);
    return await this.#store.bodies(tail.channel);
  }

  async applied(next: ChannelSet): Promise<AppliedSet & { readonly kind: "applied" }> {
    const result = await this.running.apply(next);
    assert.ok(result.kind === "applied", result.kind === "wentBack" ? result.why.message : "");
    return result;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running?.[Symbol.asyncDispose]();
    this.#gate[Symbol.dispose]();
    await this.#tasks[Symbol.asyncDispose]();
    await this.#store[Symbol.asyncDispose]();
    rmSync(this.folder, { recursive: true, force: true });
    assert.deepEqual(this.defects, []);
    assert.deepEqual(this.#store.fatals, []);
  }
}
