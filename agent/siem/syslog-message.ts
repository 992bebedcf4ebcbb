/**
 * One message for a SIEM, by RFC 5424, and how it stands on a TLS connection (RFC 5425 section 4.3).
 *
 * ```
 * 234 <109>1 2026-01-31T08:00:00.000Z host holdfast 4711 head [holdfast@32473 auditSeq="7" …] text
 * ```
 *
 * Every message is one line of printable ASCII, whatever stands in it (08 A03).
 *
 * @module
 */

/** Facilities 13, log audit, and 14, log alert (RFC 5424 table 1). */
const FACILITY = { audit: 13, alert: 14 } as const;
/** RFC 5424 table 2. */
export const SEVERITY = { critical: 2, warning: 4, notice: 5, info: 6 } as const;

/** SD-ID: the number is the one that RFC 5612 keeps for documentation, for the vendor has none of its own. */
const STRUCTURED_DATA_ID = "holdfast@32473";
const APP_NAME = "holdfast";
const HOST_NAME_MAX_LENGTH = 255;

export interface SyslogMessage {
  /** [audit] */
  readonly facility?: keyof typeof FACILITY;
  readonly severity: keyof typeof SEVERITY;
  readonly atMs: number;
  /** MSGID: `head`, `entry`, `alarm` or `gap`. */
  readonly kind: string;
  /** Parameters of the structured data, in order; names are ours. */
  readonly data: readonly (readonly [name: string, value: string])[];
  readonly text: string;
}

/** Who sends. */
export interface SyslogSender {
  readonly hostName: string;
  readonly processId: number;
}

/** The message as it stands on the wire: its length in bytes, a space, and the message. */
export function frameOf(message: SyslogMessage, sender: SyslogSender): Buffer {
  const bytes = Buffer.from(syslogLine(message, sender), "latin1");
  return Buffer.concat([Buffer.from(`${bytes.length} `), bytes]);
}

export function syslogLine(message: SyslogMessage, { hostName, processId }: SyslogSender): string {
  const { facility = "audit", severity, atMs, kind, data, text } = message;
  const priority = FACILITY[facility] * 8 + SEVERITY[severity];
  const parameters = data.map(([name, value]) => ` ${name}="${escaped(value)}"`).join("");
  const header = `<${priority}>1 ${new Date(atMs).toISOString()} ${hostOf(hostName)}`;
  const structured = `[${STRUCTURED_DATA_ID}${parameters}]`;
  return `${header} ${APP_NAME} ${processId} ${kind} ${structured} ${printable(text)}`;
}

/** RFC 5424 section 6.3.3: `"`, `\` and `]` stand behind a backslash. */
const escaped = (value: string): string => printable(value).replaceAll(/["\\\]]/g, "\\$&");

/** As JSON writes it: a receiver that splits at line ends, or a terminal, is shown nothing else than text. */
const printable = (text: string): string =>
  text.replaceAll(
    /[^\x20-\x7e]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );

/** Printable ASCII without spaces; `-` stands for nothing (section 6.2.4). */
const hostOf = (name: string): string =>
  name.replaceAll(/[^\x21-\x7e]/g, "_").slice(0, HOST_NAME_MAX_LENGTH) || "-";
