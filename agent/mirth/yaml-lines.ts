/** A translation as lines of `local.yaml`, with what has to be read as comments. @module */
import type { Value } from "./draft.ts";
import type { Entry, Translation } from "./translate.ts";

const NOT_RUN: Readonly<Record<NonNullable<Entry["notRun"]>, string>> = {
  disabled: "disabled in Mirth, so it is a comment: remove the # if it is to run",
  stopped:
    "not started in Mirth when it is deployed, so it is a comment: remove the # if it is to run",
  held: "a comment until what has no equivalent is decided: then remove the #",
};

export function yamlLines({ version, channelCount, entries, remarks }: Translation): string[] {
  const isRunning = entries.some(({ keys, notRun }) => keys !== undefined && notRun === undefined);
  return [
    `# holdfast import-mirth: ${channelCount} ${channelCount === 1 ? "channel" : "channels"} of Mirth Connect${version === "" ? "" : ` ${version}`}. What follows replaces "channels:" in local.yaml.`,
    "# NOTE: it is translated, and something differs. NO EQUIVALENT: a person decides. Lines are those of the export.",
    ...remarks.map(remarkLine),
    ...(isRunning ? ["channels:"] : ["# None of the channels runs as it is:", "# channels:"]),
    ...entries.flatMap(entryLines),
  ];
}

function entryLines({ place, line, keys, notRun, remarks }: Entry): string[] {
  const head = ["", `  # line ${line}, ${place}`, ...remarks.map((one) => `  ${remarkLine(one)}`)];
  if (keys === undefined) return [...head, "  # no channel here"];
  const lines = [...keys].map(([key, value]) => `${key}: ${valueText(value)}`);
  const items = lines.map((text, index) => (index === 0 ? `- ${text}` : `  ${text}`));
  if (notRun === undefined) return [...head, ...items.map((text) => `  ${text}`)];
  return [...head, `  # ${NOT_RUN[notRun]}`, ...items.map((text) => `  #${text}`)];
}

const remarkLine = ({ kind, line, place, text }: Entry["remarks"][number]): string =>
  `# ${kind === "note" ? "NOTE" : "NO EQUIVALENT"}, line ${line}, ${place}: ${text}`;

function valueText(value: Value): string {
  if (typeof value === "string") return stringText(value);
  if (typeof value === "object") return `[${value.map(quoted).join(", ")}]`;
  return String(value);
}

/** Words that YAML reads as nothing else stay without quotes. */
const stringText = (text: string): string =>
  /^[a-z][A-Za-z0-9-]*$/.test(text) && !/^(?:true|false|null|yes|no|on|off|y|n)$/i.test(text)
    ? text
    : quoted(text);

/** JSON is YAML, but for signs that YAML cannot have as they are. */
const quoted = (text: string): string =>
  JSON.stringify(text).replaceAll(/[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]|\p{Cf}/gu, (one) =>
    [...Buffer.from(one, "utf16le").swap16().toString("hex").matchAll(/.{4}/g)]
      .map(([unit]) => `\\u${unit}`)
      .join(""),
  );
