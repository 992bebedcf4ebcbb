/** A TCP Sender of Mirth as an `mllp-sender`. @module */
import { isIP } from "node:net";
import { readDestination } from "./destination.ts";
import { type Draft, UNKNOWN } from "./draft.ts";
import {
  hasVariable,
  nodeOf,
  noteCharset,
  readMllp,
  readPlugins,
  secondsOf,
  setPort,
  within,
} from "./values.ts";
import { find, isFalse, isTrue, textAt } from "./xml-tree.ts";

const HOUR_SECONDS = 3_600;
const CONNECT_MAX_SECONDS = 600;

export function readSender(draft: Draft): boolean {
  const { properties } = draft;
  draft.set("kind", "mllp-sender");
  if (isTrue(properties, "serverMode")) {
    draft.missing(
      nodeOf(draft, "serverMode"),
      "the hospital system dials Mirth here (server mode); this agent dials: have that system listen",
    );
    return false;
  }
  const mllp = readMllp(draft);
  if (mllp === undefined) return false;
  if (mllp.isRelease2) {
    draft.hold(
      nodeOf(draft, "transmissionModeProperties"),
      "MLLP Release 2 has no sender here: have the hospital system take Release 1, then remove the #",
    );
  }
  readTarget(draft);
  if (!isTrue(properties, "keepConnectionOpen")) draft.set("keepOpen", false);
  readReplies(draft);
  readQueue(draft);
  noteCharset(draft);
  readPlugins(draft);
  return true;
}

function readTarget(draft: Draft): void {
  const { properties } = draft;
  const host = textAt(properties, "remoteAddress");
  const isUsable = host !== "" && !hasVariable(host) && /^[\w.:-]+$/.test(host);
  draft.set("host", isUsable ? host : UNKNOWN);
  const node = nodeOf(draft, "remoteAddress");
  if (!isUsable)
    draft.hold(
      node,
      "the address is no name and no IP address here: Mirth fills it in when it runs; write it out",
    );
  setPort(draft, textAt(properties, "remotePort"), nodeOf(draft, "remotePort"));
  if (isUsable && isIP(host) !== 0 && /^(?:127\.|::1$)/.test(host)) {
    draft.note(
      node,
      "this address is the machine itself: right only if the agent runs where Mirth ran",
    );
  }
  if (isTrue(properties, "overrideLocalBinding")) {
    draft.missing(
      nodeOf(draft, "overrideLocalBinding"),
      "Mirth sends from a local address of its choice; here the system's routes decide: open the firewall for them",
    );
  }
}

function readReplies(draft: Draft): void {
  const { properties } = draft;
  const timeout = secondsOf(textAt(properties, "responseTimeout"));
  if (timeout !== undefined) {
    // Mirth has one for both.
    draft.set("connectTimeoutSeconds", within(timeout, 1, CONNECT_MAX_SECONDS));
    draft.set("replyTimeoutSeconds", within(timeout, 1, HOUR_SECONDS));
  }
  if (isTrue(properties, "ignoreResponse")) {
    draft.set("expectReply", "none");
    return;
  }
  const destination = find(properties, "destinationConnectorProperties") ?? properties;
  if (isFalse(destination, "validateResponse")) {
    draft.missing(
      find(destination, "validateResponse") ?? destination,
      "Mirth takes any reply for success, also AE and AR; here the channel holds then: onError and onReject: quarantine go on instead",
    );
  } else {
    draft.note(
      destination,
      "after AE or AR Mirth marks the message and goes on; here the channel holds until a person decides (onError, onReject: quarantine goes on)",
    );
  }
  const judged = find(draft.connector, "responseTransformer", "inboundProperties");
  const validation = find(judged, "responseValidationProperties");
  if (isFalse(validation, "validateMessageControlId")) draft.set("matchControlId", "off");
}

function readQueue(draft: Draft): void {
  const { properties } = draft;
  const destination = find(properties, "destinationConnectorProperties") ?? properties;
  const retry = secondsOf(textAt(destination, "retryIntervalMillis"));
  if (isTrue(destination, "queueEnabled")) {
    if (retry !== undefined) draft.set("retryMaxSeconds", within(retry, 1, HOUR_SECONDS));
  } else {
    draft.note(
      find(destination, "queueEnabled") ?? destination,
      "without a queue Mirth gives a message up when the system does not answer; here it waits and is tried again, those behind it too",
    );
  }
  readDestination(draft);
}
