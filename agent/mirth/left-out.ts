/** What channels of Mirth have beside their connectors, none of which has an equivalent. @module */

import type { Remarks } from "./draft.ts";
import { CUSTOM } from "./kept-text.ts";
import { find, isFalse, isTrue, textAt, type XmlNode } from "./xml-tree.ts";

const SCRIPTS: Readonly<Record<string, string>> = {
  preprocessingScript: "a preprocessor script",
  postprocessingScript: "a postprocessor script",
  deployScript: "a deploy script",
  undeployScript: "an undeploy script",
  shutdownScript: "an undeploy script",
};
const ELSEWHERE = "the platform, or another engine, has to do what it does";

/** Scripts, attachments, columns, pruning, code templates of one channel. */
export function readLeftOut(channel: XmlNode, remarks: Remarks): void {
  for (const [name, what] of Object.entries(SCRIPTS)) {
    const script = find(channel, name);
    if (script?.text === CUSTOM)
      remarks.missing(script, `${what}: scripts do not run here; ${ELSEWHERE}`);
  }
  const properties = find(channel, "properties");
  const attachments = find(properties, "attachmentProperties");
  if (
    attachments !== undefined &&
    !["", "NONE"].includes(textAt(attachments, "type").toUpperCase())
  ) {
    remarks.missing(
      attachments,
      "attachments are taken out of messages; here messages stay whole: see that the platform takes them so (maxBlockBytes)",
    );
  }
  readColumns(properties, remarks);
  const mode = find(properties, "messageStorageMode");
  if (["DISABLED", "METADATA", "RAW"].includes(mode?.text ?? "")) {
    remarks.note(
      mode ?? channel,
      "Mirth keeps little or nothing of messages; here each is kept, sealed, until the receiver has it, and for retainHours",
    );
  }
  readPruning(channel, properties, remarks);
  const libraries =
    find(channel, "exportData", "codeTemplateLibraries") ?? find(channel, "codeTemplateLibraries");
  if (libraries !== undefined && libraries.children.length > 0) {
    remarks.missing(
      libraries,
      `code templates (${libraries.children.length} libraries): there is no code here; ${ELSEWHERE}`,
    );
  }
}

/** New channels have these, which hold nothing that anybody wrote. */
const USUAL_COLUMNS = ["mirth_source", "mirth_type", "mirth_version"];

function readColumns(properties: XmlNode | undefined, remarks: Remarks): void {
  const columns = find(properties, "metaDataColumns");
  const own = (columns?.children ?? []).filter(
    (one) => !USUAL_COLUMNS.includes(textAt(one, "mappingName")),
  );
  if (columns === undefined || own.length === 0) return;
  remarks.missing(
    columns,
    `custom metadata columns (${own.length}): messages are found by their control id here (holdfast trace); let the platform keep what is searched for`,
  );
}

function readPruning(channel: XmlNode, properties: XmlNode | undefined, remarks: Remarks): void {
  const settings = find(channel, "exportData", "metadata", "pruningSettings") ?? properties;
  const days = find(settings, "pruneMetaDataDays") ?? find(settings, "pruneContentDays");
  if (days !== undefined) {
    remarks.missing(
      days,
      "messages are pruned after days of the channel's own; here retainHours and ledgerDays hold for all channels: set them in local.yaml",
    );
  }
  if (properties !== undefined && isTrue(properties, "removeContentOnCompletion")) {
    remarks.missing(
      find(properties, "removeContentOnCompletion") ?? properties,
      "messages are removed once they are done; here retainHours: 0 does so, for all channels",
    );
  }
}

/** Filter and transformers of one connector. Their names are not told: Mirth makes them out of the script. */
export function readSteps(connector: XmlNode, remarks: Remarks): void {
  const say = (part: string, what: string, then: string): void => {
    const node = find(connector, part);
    const count = activeCount(node);
    if (node !== undefined && count > 0) remarks.missing(node, `${what} (${count}): ${then}`);
  };
  say(
    "filter",
    "a filter with rules",
    "here nothing is filtered, every message is stored and sent; let the platform drop what nobody wants",
  );
  say("transformer", "a transformer with steps", `here no byte is changed; ${ELSEWHERE}`);
  say(
    "responseTransformer",
    "a response transformer with steps",
    `replies are not changed here; ${ELSEWHERE}`,
  );
  const source = find(connector, "properties", "sourceConnectorProperties");
  if (isFalse(source, "respondAfterProcessing")) {
    remarks.note(
      find(source, "respondAfterProcessing") ?? connector,
      "the source queue has no key: here each message is stored before it is acknowledged, always",
    );
  }
  if (
    textAt(
      find(connector, "transformer", "inboundProperties", "batchProperties"),
      "batchScript",
    ) === CUSTOM
  ) {
    remarks.missing(
      find(connector, "transformer") ?? connector,
      `batches are taken apart by a script: scripts do not run here; ${ELSEWHERE}`,
    );
  }
}

function activeCount(part: XmlNode | undefined): number {
  const lists = ["elements", "steps", "rules"].map((name) => find(part, name)?.children ?? []);
  return lists.flat().filter((one) => !isFalse(one, "enabled")).length;
}

/** What stands beside the channels in the export of a whole server. */
export function readServer(root: XmlNode, remarks: Remarks): void {
  if (root.name !== "serverConfiguration") return;
  const say = (name: string, text: (count: number) => string, isMeant = anyNode): void => {
    const node = find(root, name);
    const count = (node?.children ?? []).filter(isMeant).length;
    if (node !== undefined && count > 0) remarks.missing(node, text(count));
  };
  say(
    "alerts",
    (count) =>
      `alerts (${count}): this agent has alarms of its own (docs/operate.md); set up mail or the status page for those who were told`,
  );
  say(
    "codeTemplateLibraries",
    (count) => `code templates (${count} libraries): there is no code here; ${ELSEWHERE}`,
  );
  say(
    "globalScripts",
    (count) => `global scripts (${count}): scripts do not run here; ${ELSEWHERE}`,
    isScript,
  );
  say(
    "configurationMap",
    (count) =>
      `the configuration map (${count} entries): nothing is filled in here; write values out where a channel says CHANGE-ME`,
  );
}

const anyNode = (_node: XmlNode): boolean => true;
const isScript = ({ children }: XmlNode): boolean => children.some(({ text }) => text === CUSTOM);
