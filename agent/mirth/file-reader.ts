/** A File Reader of Mirth as a `file-drop`. @module */
import type { Draft } from "./draft.ts";
import { beside, isUsable, readFolder } from "./folders.ts";
import { patternsOfList, patternsOfRegex, variable } from "./name-patterns.ts";
import { nodeOf, readPlugins, secondsOf, setCharset, within } from "./values.ts";
import { find, isFalse, isTrue, textAt } from "./xml-tree.ts";

/** Of our keys. */
const POLL_MAX_SECONDS = 3_600;
const DAY_SECONDS = 86_400;
const DEPTH_MAX = 16;
const FILE_MIN_BYTES = 1_024;
/** Our default: a file is not taken earlier, whatever Mirth did. */
const STABLE_SECONDS = 5;
const HL7_MAX_BYTES = 268_435_456;
const BINARY_MAX_BYTES = 536_870_912;
/** The default, and the same without the files that begin with a dot. */
const IGNORED = ["*.tmp", "*.part", "*.partial", "*.filepart", "*.crdownload", "~*", ".*"];

export function readFileReader(draft: Draft, name: string): boolean {
  draft.set("kind", "file-drop");
  const folder = readFolder(draft);
  if (folder === undefined) return false;
  readContent(draft);
  readPatterns(draft);
  readPolling(draft);
  readBounds(draft);
  readAfterwards(draft, folder, name);
  setCharset(draft);
  readPlugins(draft);
  return true;
}

function readContent(draft: Draft): void {
  const transformer = find(draft.connector, "transformer");
  const type = textAt(transformer, "inboundDataType");
  if (isTrue(draft.properties, "binary")) draft.set("content", "binary");
  else if (!["", "HL7V2"].includes(type)) {
    draft.set("content", "binary");
    draft.note(
      find(transformer, "inboundDataType") ?? draft.properties,
      "the files are not known to be HL7 version 2, so each is sent whole; content: hl7 takes HL7 files message by message",
    );
  }
}

function readPatterns(draft: Draft): void {
  const { properties } = draft;
  const [filter, node] = [textAt(properties, "fileFilter"), nodeOf(draft, "fileFilter")];
  const patterns = isTrue(properties, "regex") ? patternsOfRegex(filter) : patternsOfList(filter);
  if (patterns === undefined) {
    draft.hold(
      node,
      "which files are taken is said by a regular expression or a variable that includePatterns cannot say: write patterns with * and ?, then remove the #",
    );
  } else if (!patterns.includes("*")) {
    draft.set("includePatterns", patterns);
    draft.note(node, "here patterns take names without looking at case");
  }
  const asked = (ignored: string): boolean =>
    ignored.startsWith("*.") &&
    (patterns ?? []).some((one) => one.toLowerCase().endsWith(ignored.slice(1)));
  const isDotTaken = isFalse(properties, "ignoreDot");
  const kept = IGNORED.filter((one) => !asked(one) && !(isDotTaken && one === ".*"));
  if (kept.length < IGNORED.length) {
    draft.set("ignorePatterns", [...kept, "Thumbs.db", "desktop.ini"]);
  }
  if (isTrue(properties, "directoryRecursion")) {
    draft.set("recursive", true);
    draft.set("maxDepth", DEPTH_MAX);
  }
}

function readPolling(draft: Draft): void {
  const { properties } = draft;
  const poll = find(properties, "pollConnectorProperties") ?? properties;
  const type = textAt(poll, "pollingType").toUpperCase();
  const frequency = secondsOf(textAt(poll, "pollingFrequency"));
  if (["", "INTERVAL"].includes(type)) {
    if (frequency !== undefined) draft.set("pollSeconds", within(frequency, 1, POLL_MAX_SECONDS));
  } else {
    draft.missing(
      find(poll, "pollingType") ?? poll,
      "Mirth looks at given times; here the folder is watched all day: see that its sender is ready for that",
    );
  }
  const advanced = find(poll, "pollConnectorPropertiesAdvanced");
  const days = find(advanced, "inactiveDays")?.children ?? [];
  const isPartial = isFalse(advanced, "weekly") || isFalse(advanced, "allDay");
  if (advanced !== undefined && (isPartial || days.some(({ text }) => text === "true"))) {
    draft.missing(
      advanced,
      "Mirth looks on some days or in some hours only; here always: see that the folder's sender is ready for that",
    );
  }
  const sort = textAt(properties, "sortBy");
  if (sort === "name") draft.set("order", "name");
  if (sort === "size") {
    draft.missing(
      nodeOf(draft, "sortBy"),
      "files are taken by size; here by time or by name (order): see whether anybody needs it",
    );
  }
}

function readBounds(draft: Draft): void {
  const { properties } = draft;
  const age = secondsOf(textAt(properties, "fileAge"));
  if (!isFalse(properties, "checkFileAge") && age !== undefined && age > STABLE_SECONDS) {
    draft.set("stableForSeconds", within(age, 1, DAY_SECONDS));
  }
  if (Number(textAt(properties, "fileSizeMinimum") || "0") > 0) {
    draft.missing(
      nodeOf(draft, "fileSizeMinimum"),
      "smaller files are left lying by Mirth; here they are taken: see whether there are any",
    );
  }
  const most = textAt(properties, "fileSizeMaximum");
  if (!isFalse(properties, "ignoreFileSizeMaximum") || !/^\d{1,15}$/.test(most)) return;
  const isBinary = draft.keys.get("content") === "binary";
  const ceiling = isBinary ? BINARY_MAX_BYTES : HL7_MAX_BYTES;
  draft.set(
    isBinary ? "maxBinaryBytes" : "maxFileBytes",
    within(Number(most), FILE_MIN_BYTES, ceiling),
  );
  draft.note(
    nodeOf(draft, "fileSizeMaximum"),
    "larger files are left lying by Mirth; here they go to the error folder, with an alarm",
  );
}

/** Named folders, because two channels may not share the default ones. */
function readAfterwards(draft: Draft, folder: string, name: string): void {
  const { properties } = draft;
  const action = textAt(properties, "afterProcessingAction").toUpperCase();
  const node = nodeOf(draft, "afterProcessingAction");
  draft.set("workFolder", beside(folder, `${name}-work`));
  draft.set("archiveFolder", beside(folder, `${name}-archive`));
  if (action === "MOVE") readMove(draft);
  else if (action === "DELETE") draft.set("afterCommit", "delete");
  else {
    draft.set("afterCommit", "leave");
    draft.set("claimBy", "row");
    draft.note(
      node,
      "Mirth leaves the files and takes them again at each poll; here each is left and taken once: afterCommit: archive without claimBy is better",
    );
  }
  draft.set("errorFolder", beside(folder, `${name}-error`));
  readErrors(draft);
}

function readMove(draft: Draft): void {
  const target = textAt(draft.properties, "moveToDirectory");
  const node = nodeOf(draft, "moveToDirectory");
  if (isUsable(target)) {
    draft.set("archiveFolder", target);
    draft.note(
      node,
      "in the archive files lie in folders year/month/day, and stay for archiveKeepDays",
    );
  } else {
    draft.missing(
      node,
      "where files are moved has a variable, or is the folder itself; here the archive is archiveFolder: see that nobody reads the old place",
    );
  }
  const name = textAt(draft.properties, "moveToFileName");
  if (!["", variable("originalFilename")].includes(name)) {
    draft.missing(
      nodeOf(draft, "moveToFileName"),
      "files get another name when they are moved; here they keep theirs: see that nobody looks for the other",
    );
  }
}

function readErrors(draft: Draft): void {
  const { properties } = draft;
  const actions = ["errorReadingAction", "errorResponseAction"].map((key) =>
    textAt(properties, key).toUpperCase(),
  );
  const target = textAt(properties, "errorMoveToDirectory");
  if (actions.includes("MOVE") && isUsable(target)) draft.set("errorFolder", target);
  else if (actions.includes("MOVE")) {
    draft.missing(
      nodeOf(draft, "errorMoveToDirectory"),
      "where bad files are moved has a variable, or is the folder itself; here it is errorFolder: see that whoever mends them looks there",
    );
  }
  if (actions.includes("DELETE")) {
    draft.missing(
      nodeOf(draft, "errorReadingAction"),
      "Mirth deletes files that it cannot use; here they go to errorFolder, with an alarm: see that somebody looks there",
    );
  }
}
