/**
 * The status as Prometheus reads it (08 PL7): no label but `channel`, `direction`, `code`, `state`, and no value of a
 * message. Everything is taken from one snapshot, so that numbers of one answer belong together.
 *
 * `code` is what the counter, the condition or the warning is called in `status`.
 *
 * @module
 */
import { Counter, Gauge, Registry } from "prom-client";
import { CONDITIONS } from "../health/catalogue.ts";
import type { AgentStatus, ChannelStatus } from "../status.ts";
import { isAccepting } from "./accepting.ts";
import { latencyText } from "./latency-text.ts";
import { GAUGES, type GaugeName } from "./metric-names.ts";

export const METRICS_CONTENT_TYPE = Registry.PROMETHEUS_CONTENT_TYPE;

type Labels = Partial<Record<"channel" | "direction" | "code" | "state", string>>;

/** Every state a tunnel can be in, so that none is missing from a graph. */
const TUNNEL_STATES = [
  ...["disconnected", "connecting", "helloSent", "resuming", "streaming", "throttled"],
  ...["draining", "sticky", "heldDown", "closed"],
];

export class Metrics {
  readonly #registry = new Registry();
  readonly #gauges = new Map<GaugeName, Gauge>();
  readonly #events: Counter;
  readonly #stored: Counter;

  constructor() {
    const registers = [this.#registry];
    for (const [name, { help, labels }] of Object.entries(GAUGES)) {
      const gauge = new Gauge({ name, help, labelNames: [...labels], registers });
      this.#gauges.set(name as GaugeName, gauge);
    }
    this.#events = new Counter({
      name: "holdfast_channel_events_total",
      help: "What happened on a channel since the start, by the name of the counter in status",
      labelNames: ["channel", "direction", "code"],
      registers,
    });
    this.#stored = new Counter({
      name: "holdfast_messages_stored_total",
      help: "Messages ever stored on a channel; it goes on after a restart",
      labelNames: ["channel"],
      registers,
    });
  }

  /** @returns the text of `/metrics` */
  async of(status: AgentStatus, nowMs: number): Promise<string> {
    this.#registry.resetMetrics();
    this.#agent(status, nowMs);
    for (const channel of status.channels) this.#channel(channel, nowMs);
    for (const delivery of status.deliveries) this.#delivery(delivery, nowMs);
    return `${await this.#registry.metrics()}\n${latencyText(status.channels)}`;
  }

  #agent(status: AgentStatus, nowMs: number): void {
    const { tunnel, store, identity, alarms, conditions, memoryBytes, startedAt } = status;
    this.#set("holdfast_accepting", {}, isAccepting(status).isAccepting ? 1 : 0);
    this.#set("holdfast_start_time_seconds", {}, secondsOf(startedAt));
    this.#set("holdfast_memory_bytes", {}, memoryBytes);
    for (const state of TUNNEL_STATES) {
      this.#set("holdfast_tunnel_state", { state }, state === tunnel.state ? 1 : 0);
    }
    this.#set("holdfast_tunnel_state_age_seconds", {}, ageOf(tunnel.since, nowMs));
    // Not known is no number: 0 would be read as one.
    const aheadMs = tunnel.clockSkewMs ?? Number.NaN;
    this.#set("holdfast_receiver_clock_ahead_seconds", {}, aheadMs / 1_000);
    this.#set("holdfast_identity_end_seconds", {}, secondsOf(identity.notAfter));
    this.#set("holdfast_store_used_bytes", {}, store.usedBytes);
    this.#set("holdfast_store_budget_bytes", {}, store.budgetBytes);
    this.#set("holdfast_store_log_bytes", {}, store.walBytes);
    this.#set("holdfast_disk_free_bytes", {}, store.freeBytes ?? Number.NaN);
    const open = new Set(conditions.map(({ condition }) => condition as string));
    // All of them, so that an alarm rule has something to compare before the first case.
    for (const code of Object.keys(CONDITIONS)) {
      if (!open.has(code)) this.#set("holdfast_condition", { code, channel: "" }, 0);
    }
    for (const { code, subject: channel, severity: state } of alarms) {
      this.#set("holdfast_alarm", { code, channel, state }, 1);
    }
    for (const { condition: code, subject: channel } of conditions) {
      this.#set("holdfast_condition", { code, channel }, 1);
    }
  }

  #channel(one: ChannelStatus, nowMs: number): void {
    const channel = one.name;
    const where = { channel, direction: "upstream" };
    if (one.configured) this.#set("holdfast_channel_open", where, one.listening ? 1 : 0);
    this.#set("holdfast_waiting_messages", where, Number(one.waiting));
    this.#set("holdfast_waiting_bytes", where, one.waitingBytes);
    this.#set("holdfast_waiting_age_seconds", where, ageOf(one.oldestWaitingAt, nowMs));
    this.#set("holdfast_quarantine_messages", { channel }, one.quarantineCount);
    this.#set("holdfast_quarantine_bytes", { channel }, one.quarantineBytes);
    this.#stored.inc({ channel }, Number(one.stored));
    if (one.host !== undefined) this.#set("holdfast_connections", { channel }, one.connections);
    const lastAt = one.observed?.lastMessageAt;
    if (lastAt !== undefined) this.#set("holdfast_last_message_seconds", where, secondsOf(lastAt));
    for (const [code, value] of Object.entries(one.counters)) {
      this.#events.inc({ ...where, code }, value);
    }
  }

  #delivery(one: AgentStatus["deliveries"][number], nowMs: number): void {
    const where = { channel: one.name, direction: "downstream" };
    if (one.configured) this.#set("holdfast_channel_open", where, one.connected ? 1 : 0);
    this.#set("holdfast_waiting_messages", where, one.waiting);
    this.#set("holdfast_waiting_bytes", where, one.waitingBytes);
    this.#set("holdfast_waiting_age_seconds", where, ageOf(one.oldestWaitingAt, nowMs));
    const lastAt = one.lastAcceptedAt;
    if (lastAt !== undefined) this.#set("holdfast_last_message_seconds", where, secondsOf(lastAt));
    for (const [code, value] of Object.entries(one.counters)) {
      this.#events.inc({ ...where, code }, value);
    }
  }

  #set(name: GaugeName, labels: Labels, value: number): void {
    this.#gauges.get(name)?.set(labels, value);
  }
}

const secondsOf = (iso: string): number => Date.parse(iso) / 1_000;

/** Nothing waits: 0. */
const ageOf = (iso: string | undefined, nowMs: number): number =>
  iso === undefined ? 0 : Math.max(0, (nowMs - Date.parse(iso)) / 1_000);
