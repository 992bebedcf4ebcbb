/** What goes to the SIEM, as rows that lie in the store: of the audit (08 6), and alarms (08 PL9). @module */
import { readEnvelope } from "#documents/envelope.ts";
import { readEntry } from "./audit/entry.ts";
import { counterOfDigest, HEAD_KIND, headDigest } from "./audit/heads.ts";
import type { Alarms, NumberedEvent } from "./health/alarms.ts";
import { CONDITIONS } from "./health/catalogue.ts";
import type { AuditRow, DocumentRow } from "./outbox/trust/trust-messages.ts";
import type { TrustStore } from "./outbox/trust/trust-store.ts";
import type { SpooledItem, SpoolRow } from "./siem/siem-feed.ts";

/** Heads, by their counter. */
export function headSpool(trust: TrustStore): SpoolRow {
  return {
    name: "head",
    after: async (number, limit) => {
      const rows = await trust.documentsAfter(HEAD_KIND, headDigest(number), limit);
      return rows.map(headItem);
    },
    ...positionIn(trust, "note.siemHead"),
  };
}

/** Entries, by their seq. They hold names of this hospital's people, and go nowhere else. */
export function entrySpool(trust: TrustStore): SpoolRow {
  return {
    name: "entry",
    after: async (number, limit) => (await trust.auditPage(number, limit)).map(entryItem),
    ...positionIn(trust, "note.siemEntry"),
  };
}

/** Alarms as they open and close, by the numbers of these events. Codes, channels and numbers only. */
export function alarmSpool(trust: TrustStore, alarms: Pick<Alarms, "after">): SpoolRow {
  return {
    name: "alarm",
    after: (number, limit) => Promise.resolve(alarms.after(number, limit).map(alarmItem)),
    ...positionIn(trust, "note.siemAlarm"),
  };
}

const SYSLOG_SEVERITY = { critical: "critical", warning: "warning", information: "info" } as const;

function alarmItem({ number, event, atMs, alarm }: NumberedEvent): SpooledItem {
  const { severity, means, runbook } = CONDITIONS[alarm.code];
  const data = [
    ...([["event", event] as const, ["alarm", alarm.id] as const] as const),
    ...([["code", alarm.code] as const, ["channel", alarm.subject] as const] as const),
    ...([["severity", severity] as const, ["runbook", runbook] as const] as const),
    ["since", new Date(alarm.sinceMs).toISOString()] as const,
  ];
  const text = `alarm ${event}: ${alarm.code}: ${means}`;
  const grave = event === "opened" ? SYSLOG_SEVERITY[severity] : "notice";
  return {
    number,
    message: { facility: "alert", severity: grave, atMs, kind: "alarm", data, text },
  };
}

function positionIn(trust: TrustStore, name: string): Pick<SpoolRow, "position" | "reached"> {
  return {
    position: async () => {
      const bytes = (await trust.load()).values.get(name);
      const number = bytes === undefined ? 0 : Number(Buffer.from(bytes).toString("latin1"));
      return Number.isSafeInteger(number) && number > 0 ? number : 0;
    },
    reached: (number) => trust.note({ values: new Map([[name, Buffer.from(String(number))]]) }),
  };
}

function headItem({ digest, atMs, bytes }: DocumentRow): SpooledItem {
  const number = counterOfDigest(digest);
  const envelope = readEnvelope(bytes, "status");
  const [signer] = "kind" in envelope ? [] : envelope.signatures;
  const payload = "kind" in envelope ? Buffer.alloc(0) : Buffer.from(envelope.payload);
  const said = JSON.parse(payload.toString("utf8") || "{}") as {
    readonly auditSeq?: number;
    readonly auditHead?: string;
  };
  const data = [
    ["auditSeq", String(said.auditSeq ?? 0)],
    ["auditHead", said.auditHead ?? ""],
    ["keyId", signer?.keyId ?? ""],
    ["signature", Buffer.from(signer?.signature ?? []).toString("base64")],
    ["payload", payload.toString("base64")],
  ] as const;
  const text = `audit head ${said.auditSeq ?? 0}, signed by the device key`;
  return { number, message: { severity: "notice", atMs, kind: "head", data, text } };
}

function entryItem({ seq, atMs, bytes, hash }: AuditRow): SpooledItem {
  const entry = readEntry(bytes);
  const data = [
    ["auditSeq", String(seq)],
    ["auditHash", Buffer.from(hash).toString("hex")],
    ["action", entry?.action ?? "unreadable"],
    ...(entry === undefined ? [] : ([["actor", entry.actor.id]] as const)),
  ] as const;
  // As it is stored: the hash is over these bytes.
  const text = Buffer.from(bytes).toString("latin1");
  return { number: seq, message: { severity: "info", atMs, kind: "entry", data, text } };
}
