/** What a file-drop channel is told, besides what its folder worker is. Times in ms. @module */
import type { PickupSettings } from "../../folders/messages.ts";

export interface FileDropSettings {
  readonly pickup: PickupSettings;
  readonly content: "hl7" | "binary";
  /** Of a side-car in HL7 that declares none (03 X2). */
  readonly fallbackCharset: string;
  readonly pollMs: number;
  /** P13. */
  readonly folderAlarmFiles: number;
  /** P46: a worker without a sign of life for so long is ended. */
  readonly silenceMs: number;
  /** P11; 0: not looked back at. */
  readonly lateWriteCheckMs: number;
  /** P32. */
  readonly maxAttempts: number;
  readonly afterCommit: "archive" | "delete" | "leave";
  readonly duplicateFilePolicy: "archive" | "send" | "off";
  readonly duplicateWindowMs: number;
  /** P29. */
  readonly moveRetryMaxMs: number;
  /** P30; 0: for ever. */
  readonly archiveKeepMs: number;
  readonly errorKeepMs: number;
}
