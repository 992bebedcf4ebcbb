/** What `/metrics` tells beside counters and the histogram. Names are public: dashboards are built on them. @module */

const row = (help: string, labels: readonly string[] = []) => ({ help, labels });
const WHERE = ["channel", "direction"];

export const GAUGES = {
  holdfast_accepting: row("1 while messages are accepted"),
  holdfast_start_time_seconds: row("When the process started, Unix time"),
  holdfast_memory_bytes: row("Resident memory of the process"),
  holdfast_tunnel_state: row("1 for the state that the tunnel is in", ["state"]),
  holdfast_tunnel_state_age_seconds: row("How long the tunnel has been in its state"),
  holdfast_receiver_clock_ahead_seconds: row("Clock of the receiver minus this machine's"),
  holdfast_identity_end_seconds: row("When the certificate of the agent ends, Unix time"),
  holdfast_store_used_bytes: row("What the store takes of its disk budget"),
  holdfast_store_budget_bytes: row("The disk budget of the store"),
  holdfast_store_log_bytes: row("The write-ahead log of the store"),
  holdfast_disk_free_bytes: row("Free space of the disk that the store is on"),
  holdfast_condition: row("1 while a condition is open; channel is empty where it is about none", [
    ...["code", "channel"],
  ]),
  holdfast_alarm: row("1 while an alarm is open; state is its severity", [
    ...["code", "channel", "state"],
  ]),
  holdfast_channel_open: row("1 while a channel takes messages, or its far end is reached", WHERE),
  holdfast_waiting_messages: row("Messages stored and not settled", WHERE),
  holdfast_waiting_bytes: row("Bytes of messages stored and not settled", WHERE),
  holdfast_waiting_age_seconds: row("Age of the oldest message that waits, 0 if none does", WHERE),
  holdfast_last_message_seconds: row(
    "When the last message came or was accepted, Unix time",
    WHERE,
  ),
  holdfast_quarantine_messages: row("Blocks in quarantine", ["channel"]),
  holdfast_quarantine_bytes: row("Bytes in quarantine", ["channel"]),
  holdfast_connections: row("Connections of senders", ["channel"]),
} as const;
export type GaugeName = keyof typeof GAUGES;
