/** Exports as Mirth Connect writes them, with the settings that a test is about; every other one is Mirth's own default. @module */

import { z } from "zod";
import { variable } from "#agent/mirth/name-patterns.ts";
import { type Entry, type Translation, translateMirth } from "#agent/mirth/translate.ts";
import { yamlLines } from "#agent/mirth/yaml-lines.ts";
import { channelList } from "#config/channel-set.ts";
import { parseDocument } from "#config/document.ts";

/** By the name of the element, wherever in the connector it stands. */
export type Settings = Readonly<Record<string, string>>;

const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");

/** Puts `settings` in the place of defaults. @throws {Error} for one that Mirth does not have there */
function filled(xml: string, settings: Settings): string {
  return Object.entries(settings).reduce((text, [name, value]) => {
    const element = new RegExp(`<${name}>[^<]*</${name}>|<${name}/>`);
    if (!element.test(text)) throw new Error(`no element ${name} in this connector`);
    return text.replace(element, () => `<${name}>${escaped(value)}</${name}>`);
  }, xml);
}

const MLLP = `<transmissionModeProperties class="com.mirth.connect.plugins.mllpmode.MLLPModeProperties">
  <pluginPointName>MLLP</pluginPointName>
  <startOfMessageBytes>0B</startOfMessageBytes>
  <endOfMessageBytes>1C0D</endOfMessageBytes>
  <useMLLPv2>false</useMLLPv2>
  <ackBytes>06</ackBytes>
  <nackBytes>15</nackBytes>
  <maxRetries>2</maxRetries>
</transmissionModeProperties>`;
const SOURCE = `<sourceConnectorProperties version="4.5.2">
  <responseVariable>Auto-generate (After source transformer)</responseVariable>
  <respondAfterProcessing>true</respondAfterProcessing>
  <processBatch>false</processBatch>
  <firstResponse>false</firstResponse>
  <processingThreads>1</processingThreads>
</sourceConnectorProperties>`;
const DESTINATION = `<destinationConnectorProperties version="4.5.2">
  <queueEnabled>true</queueEnabled>
  <sendFirst>false</sendFirst>
  <retryIntervalMillis>10000</retryIntervalMillis>
  <rotate>false</rotate>
  <threadCount>1</threadCount>
  <validateResponse>true</validateResponse>
</destinationConnectorProperties>`;
const inbound = (name: string): string => `<${name} version="4.5.2">
  <elements/>
  <inboundDataType>HL7V2</inboundDataType>
  <outboundDataType>HL7V2</outboundDataType>
  <inboundProperties class="com.mirth.connect.plugins.datatypes.hl7v2.HL7v2DataTypeProperties" version="4.5.2">
    <responseGenerationProperties>
      <successfulACKCode>AA</successfulACKCode>
      <successfulACKMessage></successfulACKMessage>
      <errorACKCode>AE</errorACKCode>
      <rejectedACKCode>AR</rejectedACKCode>
      <msh15ACKAccept>false</msh15ACKAccept>
    </responseGenerationProperties>
    <responseValidationProperties>
      <validateMessageControlId>true</validateMessageControlId>
    </responseValidationProperties>
  </inboundProperties>
</${name}>`;

interface Kind {
  readonly transport: string;
  readonly className: string;
  readonly properties: string;
}

const elements = (settings: Settings): string =>
  Object.entries(settings)
    .map(([name, value]) => `<${name}>${escaped(value)}</${name}>`)
    .join("\n");
const FILES = { scheme: "FILE", host: "/srv/hl7/in", anonymous: "true", username: "anonymous" };

export const LISTENER: Kind = {
  transport: "TCP Listener",
  className: "com.mirth.connect.connectors.tcp.TcpReceiverProperties",
  properties: `<pluginProperties/>
<listenerConnectorProperties version="4.5.2">
  <host>0.0.0.0</host>
  <port>6661</port>
</listenerConnectorProperties>
${SOURCE}
${MLLP}
${elements({
  serverMode: "true",
  receiveTimeout: "0",
  bufferSize: "65536",
  maxConnections: "10",
  keepConnectionOpen: "true",
  dataTypeBinary: "false",
  charsetEncoding: "DEFAULT_ENCODING",
  respondOnNewConnection: "0",
})}`,
};

export const SENDER: Kind = {
  transport: "TCP Sender",
  className: "com.mirth.connect.connectors.tcp.TcpDispatcherProperties",
  properties: `<pluginProperties/>
${DESTINATION}
${MLLP}
${elements({
  serverMode: "false",
  remoteAddress: "ris.hospital.example",
  remotePort: "6660",
  overrideLocalBinding: "false",
  keepConnectionOpen: "false",
  responseTimeout: "5000",
  ignoreResponse: "false",
  dataTypeBinary: "false",
  charsetEncoding: "DEFAULT_ENCODING",
  template: variable("message.encodedData"),
})}`,
};

export const READER: Kind = {
  transport: "File Reader",
  className: "com.mirth.connect.connectors.file.FileReceiverProperties",
  properties: `<pluginProperties/>
<pollConnectorProperties version="4.5.2">
  <pollingType>INTERVAL</pollingType>
  <pollingFrequency>5000</pollingFrequency>
  <pollConnectorPropertiesAdvanced>
    <weekly>true</weekly>
    <inactiveDays><boolean>false</boolean></inactiveDays>
    <allDay>true</allDay>
  </pollConnectorPropertiesAdvanced>
</pollConnectorProperties>
${SOURCE}
${elements({
  ...FILES,
  password: "s3cret-of-the-share",
  fileFilter: "*",
  regex: "false",
  directoryRecursion: "false",
  ignoreDot: "true",
  afterProcessingAction: "NONE",
  moveToDirectory: "",
  moveToFileName: "",
  errorReadingAction: "NONE",
  errorResponseAction: "AFTER_PROCESSING",
  errorMoveToDirectory: "",
  checkFileAge: "true",
  fileAge: "1000",
  fileSizeMinimum: "0",
  fileSizeMaximum: "",
  ignoreFileSizeMaximum: "true",
  sortBy: "date",
  binary: "false",
  charsetEncoding: "DEFAULT_ENCODING",
})}`,
};

export const WRITER: Kind = {
  transport: "File Writer",
  className: "com.mirth.connect.connectors.file.FileDispatcherProperties",
  properties: `<pluginProperties/>
${DESTINATION}
${elements({
  ...FILES,
  host: "/srv/hl7/out",
  password: "s3cret-of-the-share",
  outputPattern: `${variable("message.messageId")}.hl7`,
  outputAppend: "true",
  errorOnExists: "false",
  temporary: "false",
  binary: "false",
  charsetEncoding: "DEFAULT_ENCODING",
  template: variable("message.encodedData"),
})}`,
};

/** @param more XML in the place of the empty filter */
export function connector(
  kind: Kind,
  name: string,
  settings: Settings = {},
  more = "<filter><elements/></filter>",
): string {
  const isSource = name === "sourceConnector";
  const tag = isSource ? "sourceConnector" : "connector";
  const parts = isSource
    ? inbound("transformer")
    : `${inbound("transformer")}\n${inbound("responseTransformer")}`;
  const xml = `<${tag} version="4.5.2">
<name>${escaped(name)}</name>
<properties class="${kind.className}" version="4.5.2">
${kind.properties}
</properties>
${parts}
${more}
<transportName>${kind.transport}</transportName>
<enabled>true</enabled>
</${tag}>`;
  return filled(xml, settings);
}

interface ChannelParts {
  readonly name?: string;
  readonly source?: string;
  readonly destinations?: readonly string[];
  readonly settings?: Settings;
  /** XML before the end of the channel. */
  readonly more?: string;
}

export function mirthChannel({
  name = "ADT",
  source,
  destinations = [],
  settings = {},
  more = "",
}: ChannelParts = {}): string {
  const outer = filled(
    `<preprocessingScript>// Modify the message variable below to pre process data
return message;</preprocessingScript>
<postprocessingScript>return;</postprocessingScript>
<deployScript>// This script executes once when the channel is deployed
return;</deployScript>
<undeployScript>return;</undeployScript>
<properties version="4.5.2">
<messageStorageMode>DEVELOPMENT</messageStorageMode>
<removeContentOnCompletion>false</removeContentOnCompletion>
<initialState>STARTED</initialState>
<metaDataColumns><metaDataColumn><name>SOURCE</name><mappingName>mirth_source</mappingName></metaDataColumn></metaDataColumns>
<attachmentProperties version="4.5.2"><type>None</type></attachmentProperties>
</properties>
<exportData><metadata><enabled>true</enabled></metadata></exportData>`,
    settings,
  );
  return `<channel version="4.5.2">
<id>7b2a</id>
<name>${escaped(name)}</name>
<description>written by a test</description>
${source ?? connector(LISTENER, "sourceConnector")}
<destinationConnectors>
${destinations.join("\n")}
</destinationConnectors>
${outer}
${more}
</channel>`;
}

export function translated(xml: string | Uint8Array): Translation {
  const result = translateMirth(typeof xml === "string" ? Buffer.from(xml) : xml);
  if (result.kind === "refused")
    throw new Error(`${result.line}:${result.column}: ${result.message}`);
  return result;
}

/** What a source makes, as loaded from what is printed, defaults and all, with its remarks. */
export function sourceOf(kind: Kind, settings: Settings = {}): Read {
  return readOf(
    translated(mirthChannel({ source: connector(kind, "sourceConnector", settings) })),
    0,
  );
}

/** The same of the one destination of a channel. */
export function destinationOf(kind: Kind, settings: Settings = {}): Read {
  return readOf(translated(mirthChannel({ destinations: [connector(kind, "to", settings)] })), 1);
}

export interface Read {
  /** As written, without defaults. */
  readonly keys: Readonly<Record<string, unknown>>;
  readonly notRun: Entry["notRun"];
  readonly notes: string;
  readonly missing: string;
  readonly printed: string;
}

function readOf(translation: Translation, index: number): Read {
  const entry = translation.entries[index];
  if (entry === undefined) throw new Error("no such connector was translated");
  const texts = (kind: string): string =>
    entry.remarks
      .filter((one) => one.kind === kind)
      .map(({ text }) => text)
      .join("\n");
  const printed = yamlLines(translation).join("\n");
  loaded(translation);
  const keys = Object.fromEntries(entry.keys ?? []);
  return { keys, notRun: entry.notRun, notes: texts("note"), missing: texts("missing"), printed };
}

/** What is printed, read by the loader of configurations. @throws {DocumentError} if it does not load */
export function loaded(translation: Translation): readonly { readonly name: string }[] {
  const isRunning = translation.entries.some(({ keys, notRun }) => keys && notRun === undefined);
  if (!isRunning) return [];
  const text = `${yamlLines(translation).join("\n")}\n`;
  return parseDocument(text, "printed", z.strictObject({ channels: channelList })).channels;
}
