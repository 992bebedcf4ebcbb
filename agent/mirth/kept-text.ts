/**
 * Which texts of an export are kept in memory at all: settings that are translated, by the name of their element.
 *
 * Passwords, user names, headers, queries and the like are not among them. Of a script it is only kept whether it does
 * anything.
 *
 * @module
 */
import { variable } from "./name-patterns.ts";

/** Twice what any setting may have: what was cut is never taken for a whole one. */
const TEXT_MAX_CHARS = 8_192;
/** A longer script does something. */
const SCRIPT_LOOK_MAX_CHARS = 16_384;

const SETTINGS: ReadonlySet<string> = new Set([
  // Of a channel.
  ...["name", "enabled", "initialState", "messageStorageMode", "removeContentOnCompletion"],
  ...["type", "mappingName", "pruneMetaDataDays", "pruneContentDays"],
  // Of a connector.
  ...["transportName", "inboundDataType", "responseVariable", "respondAfterProcessing"],
  ...["processBatch", "firstResponse", "processingThreads", "splitType", "charsetEncoding"],
  ...["successfulACKCode", "errorACKCode", "rejectedACKCode", "msh15ACKAccept"],
  ...["validateMessageControlId", "validateResponse", "queueEnabled", "retryIntervalMillis"],
  ...["rotate", "threadCount"],
  // TCP.
  ...["pluginPointName", "startOfMessageBytes", "endOfMessageBytes", "useMLLPv2", "ackBytes"],
  ...["nackBytes", "serverMode", "host", "port", "remoteAddress", "remotePort"],
  ...["overrideLocalBinding", "receiveTimeout", "maxConnections", "keepConnectionOpen"],
  ...["dataTypeBinary", "respondOnNewConnection", "responseTimeout", "ignoreResponse"],
  // Files.
  ...["scheme", "fileFilter", "regex", "directoryRecursion", "ignoreDot", "sortBy", "binary"],
  ...["afterProcessingAction", "moveToDirectory", "moveToFileName", "errorReadingAction"],
  ...["errorResponseAction", "errorMoveToDirectory", "errorMoveToFileName", "checkFileAge"],
  ...["fileAge", "fileSizeMinimum", "fileSizeMaximum", "ignoreFileSizeMaximum", "outputPattern"],
  ...["outputAppend", "errorOnExists", "pollingType", "pollingFrequency", "weekly", "allDay"],
  "boolean",
]);

const SCRIPTS: ReadonlySet<string> = new Set([
  ...["preprocessingScript", "postprocessingScript", "deployScript", "undeployScript"],
  ...["shutdownScript", "batchScript", "successfulACKMessage", "template"],
]);

/** What scripts are, as far as it is kept. */
export const CUSTOM = "custom";

/** What new channels of Mirth begin with, comments and blanks aside, and what passes a message on as it is. */
const IDLE: ReadonlySet<string> = new Set([
  ...["", "return;", "return", "returnmessage;", "returnmessage"],
  ...[variable("message.encodedData"), variable("message.rawData")],
  // The names of global scripts stand beside them.
  ...["Deploy", "Undeploy", "Preprocessor", "Postprocessor"],
]);

/** What is kept of an element's text, and how much of it must be collected for that. */
export interface TextRule {
  readonly maxChars: number;
  /** @param text cut after `maxChars` */
  readonly keep: (text: string) => string;
}

const SETTING: TextRule = { maxChars: TEXT_MAX_CHARS, keep: (text) => text.trim() };
const SCRIPT: TextRule = {
  maxChars: SCRIPT_LOOK_MAX_CHARS,
  keep: (text) => (doesNothing(text) ? "" : CUSTOM),
};

/** @param path names of the elements from the first down to this one */
export function textRuleOf(path: readonly string[]): TextRule | undefined {
  const name = path.at(-1) ?? "";
  if (SETTINGS.has(name)) return SETTING;
  return SCRIPTS.has(name) || path.at(-3) === "globalScripts" ? SCRIPT : undefined;
}

function doesNothing(text: string): boolean {
  if (text.length >= SCRIPT_LOOK_MAX_CHARS) return false;
  return IDLE.has(text.replaceAll(/\/\*[\s\S]*?\*\/|\/\/[^\r\n]*|\s+/g, ""));
}
