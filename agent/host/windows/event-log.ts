/** The Event Log of Windows: what an administrator must be able to see without our files (09 SV17). @module */
import { EVENT_MESSAGES } from "../event-messages.ts";
import { EVENT_SOURCE } from "./names.ts";
import { type Handle, openNative } from "./native.ts";

/** As the log's levels are called. */
export type EventLevel = "info" | "warn" | "error";
const ROWS = {
  info: EVENT_MESSAGES.info,
  warn: EVENT_MESSAGES.warning,
  error: EVENT_MESSAGES.error,
} as const;
/** ReportEventW takes 31,839 characters of one text. */
const TEXT_MAX = 31_000;

export interface EventLog {
  /** One entry. Never throws: a log that cannot be written does not stop a message. */
  write(level: EventLevel, text: string): void;
}

/** @throws {AddOnError}; where the log cannot be opened, nothing is written */
export async function openEventLog(): Promise<EventLog> {
  const { koffi, bind } = await openNative();
  const open = bind("advapi32", "void *RegisterEventSourceW(str16 server, str16 source)");
  const report = bind(
    "advapi32",
    "int ReportEventW(void *log, uint16_t type, uint16_t category, uint32_t id, void *user, uint16_t count, uint32_t bytes, void *texts, void *data)",
  );
  const log = open(null, EVENT_SOURCE) as Handle;
  return {
    write(level, text) {
      if (log === null) return;
      const content = Buffer.from(`${text.slice(0, TEXT_MAX)}\0`, "utf16le");
      const texts = Buffer.alloc(8);
      texts.writeBigUInt64LE(koffi.address(content));
      const { id, type } = ROWS[level];
      report(log, type, 0, id, null, 1, 0, texts, null);
    },
  };
}
