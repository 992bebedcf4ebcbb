/** A TCP Listener of Mirth as an `mllp-listener`. @module */
import { isIP } from "node:net";
import { isLoopback } from "#config/mllp-listener.ts";
import { type Draft, UNKNOWN } from "./draft.ts";
import { nodeOf, readMllp, readPlugins, secondsOf, setCharset, setPort, within } from "./values.ts";
import { find, isFalse, isTrue, textAt, type XmlNode } from "./xml-tree.ts";

/** Of our key. */
const CONNECTIONS_MAX_COUNT = 10_000;
const DAY_SECONDS = 86_400;

export function readListener(draft: Draft): boolean {
  const { properties } = draft;
  draft.set("kind", "mllp-listener");
  if (isFalse(properties, "serverMode")) {
    draft.missing(
      nodeOf(draft, "serverMode"),
      "Mirth dials the sender here (client mode); this agent only listens: have the sender dial",
    );
    return false;
  }
  const mllp = readMllp(draft);
  if (mllp === undefined) return false;
  readAddress(draft);
  readConnections(draft);
  readReply(draft, mllp.isRelease2);
  setCharset(draft);
  readPlugins(draft);
  readContent(draft);
  return true;
}

function readAddress(draft: Draft): void {
  const place = find(draft.properties, "listenerConnectorProperties") ?? draft.properties;
  const host = textAt(place, "host");
  const isAddress = host === "localhost" || (isIP(host) !== 0 && !host.includes("%"));
  draft.set("host", isAddress ? host : UNKNOWN);
  if (!isAddress) {
    draft.hold(
      place,
      "the listener's address is a name or a variable: write an IP address of this machine",
    );
  }
  setPort(draft, textAt(place, "port"), place);
  if (isAddress && isLoopback(host)) return;
  draft.set("allow", isIP(host) === 6 ? ["0.0.0.0/0", "::/0"] : ["0.0.0.0/0"]);
  draft.note(
    place,
    "Mirth takes messages from every address, and so does this allow: name your senders instead",
  );
}

function readConnections(draft: Draft): void {
  const { properties } = draft;
  const most = textAt(properties, "maxConnections");
  if (/^[1-9]\d{0,8}$/.test(most)) {
    draft.set("maxConnections", Math.min(Number(most), CONNECTIONS_MAX_COUNT));
  }
  // With connections kept open, Mirth's timeout only makes it look up and read on.
  if (!isFalse(properties, "keepConnectionOpen")) return;
  const timeout = secondsOf(textAt(properties, "receiveTimeout"));
  if (timeout !== undefined) draft.set("idleTimeoutSeconds", within(timeout, 1, DAY_SECONDS));
  draft.missing(
    nodeOf(draft, "keepConnectionOpen"),
    "Mirth hangs up after each reply; here the sender does, or idleTimeoutSeconds: see that the sender does not wait for it",
  );
}

/** What an acknowledgment means here is another thing in every mode (README). */
function readReply(draft: Draft, isRelease2: boolean): void {
  const { properties } = draft;
  const source = find(properties, "sourceConnectorProperties") ?? properties;
  const variable = textAt(source, "responseVariable");
  const node = find(source, "responseVariable") ?? source;
  if (!["", "0"].includes(textAt(properties, "respondOnNewConnection"))) {
    draft.missing(
      nodeOf(draft, "respondOnNewConnection"),
      "replies go over a connection of their own in Mirth; here always over the one of the message: have the sender take them there",
    );
  }
  if (isRelease2) draft.set("ackMode", "r2");
  else if (variable === "None") draft.set("ackMode", "none");
  else draft.set("ackMode", ackModeOf(draft));
  const meaning = MEANINGS[variable];
  if (meaning !== undefined) draft.note(node, meaning);
  else if (variable !== "None") {
    draft.missing(
      node,
      "the reply is made by a script or by a destination; here the agent answers by itself, AA once the message is stored: a sender that asks for data in the reply cannot be served",
    );
  }
  readBatch(draft, source);
}

const STORED =
  "here AA means stored safely by this agent, and nothing is refused for its content but what is no message";
const MEANINGS: Readonly<Record<string, string>> = {
  "Auto-generate (Before processing)": `AA meant received in Mirth; ${STORED}`,
  "Auto-generate (After source transformer)": `AA meant passed by filter and transformer of the source; ${STORED}`,
  "Auto-generate (Destinations completed)": `AA meant every destination is done; ${STORED} (ackMode: deferred waits until the receiver has it)`,
};

/** Mirth's generated reply is AA whatever MSH-15 asks for, unless told to look at it. */
function ackModeOf(draft: Draft): string | undefined {
  const inbound = find(draft.connector, "transformer", "inboundProperties");
  const made = find(inbound, "responseGenerationProperties");
  if (made === undefined) return "storeAA";
  const accepted = textAt(made, "successfulACKCode");
  const others = [textAt(made, "errorACKCode"), textAt(made, "rejectedACKCode")];
  if (
    !["", "AA", "CA"].includes(accepted) ||
    others.some((code) => !/^(?:|[AC][ER])$/.test(code))
  ) {
    draft.missing(
      made,
      "codes of its own in acknowledgments: see in docs/mllp-listener.md which this agent gives, and that the sender takes them",
    );
  }
  if (textAt(made, "successfulACKMessage") !== "") {
    draft.missing(
      made,
      "a text of its own in acknowledgments (MSA-3): there is none here; see that the sender does not look at it",
    );
  }
  if (isTrue(made, "msh15ACKAccept")) return undefined;
  return accepted === "CA" ? "commitOnly" : "storeAA";
}

function readBatch(draft: Draft, source: XmlNode): void {
  if (!isTrue(source, "processBatch")) return;
  if (isTrue(source, "firstResponse")) draft.set("batchReply", "first");
  draft.note(
    find(source, "processBatch") ?? source,
    "batches are taken apart at each MSH here, always, and answered by batchReply",
  );
}

function readContent(draft: Draft): void {
  if (isTrue(draft.properties, "dataTypeBinary")) {
    draft.missing(
      nodeOf(draft, "dataTypeBinary"),
      "blocks hold binary data; here what does not begin with MSH is refused and set aside: have it put into files (docs/file-drop.md)",
    );
  }
  const transformer = find(draft.connector, "transformer");
  const type = textAt(transformer, "inboundDataType");
  if (transformer === undefined || ["", "HL7V2"].includes(type)) return;
  const node = find(transformer, "inboundDataType") ?? transformer;
  if (type === "RAW") {
    draft.note(
      node,
      "Mirth does not look into these blocks; here what does not begin with MSH is refused and set aside",
    );
    return;
  }
  draft.missing(
    node,
    "blocks are not HL7 version 2; here they are refused and set aside: have them put into files (docs/file-drop.md)",
  );
}
