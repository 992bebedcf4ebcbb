/** How single settings of Mirth read: variables, milliseconds, ports, character sets, patterns. @module */
import { charsetName } from "#config/values.ts";
import { type Draft, UNKNOWN } from "./draft.ts";
import { find, isTrue, textAt, type XmlNode } from "./xml-tree.ts";

/** Mirth fills in `${…}` from its maps, or Velocity's `$name`, when it runs. */
export const hasVariable = (text: string): boolean => /\$\{|\$!?[A-Za-z]/.test(text);

/** The element of a setting; where the export has none, the properties themselves. */
export const nodeOf = (draft: Draft, ...names: readonly string[]): XmlNode =>
  find(draft.properties, ...names) ?? draft.properties;

/** A whole number of milliseconds as seconds, rounded up; `undefined` if it is no number, or 0. */
export function secondsOf(text: string): number | undefined {
  const value = /^\d{1,12}$/.test(text) ? Number(text) : 0;
  return value === 0 ? undefined : Math.ceil(value / 1_000);
}

export const within = (value: number, least: number, most: number): number =>
  Math.min(most, Math.max(least, value));

/** Sets `port`, or holds the channel where the export does not say it. */
export function setPort(draft: Draft, text: string, node: XmlNode): void {
  const isPort = /^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535;
  draft.set("port", isPort ? Number(text) : UNKNOWN);
  if (!isPort)
    draft.hold(node, "the port is no number here: Mirth fills it in when it runs; write it out");
}

/** Sets `charset`: what Mirth decodes with. */
export function setCharset(draft: Draft): void {
  const text = textAt(draft.properties, "charsetEncoding");
  if (text === "" || text === "DEFAULT_ENCODING") return;
  if (charsetName.safeParse(text).success) {
    draft.set("charset", text);
    return;
  }
  draft.missing(
    nodeOf(draft, "charsetEncoding"),
    "this character set has no name of HL7 table 0211, and cannot be named: bytes are passed on unchanged; have the sender changed to UTF-8 if it is UTF-16",
  );
}

/** Where the bytes would be others in Mirth. */
export function noteCharset(draft: Draft): void {
  const text = textAt(draft.properties, "charsetEncoding");
  if (["", "DEFAULT_ENCODING", "UTF-8"].includes(text)) return;
  draft.missing(
    nodeOf(draft, "charsetEncoding"),
    "Mirth encodes to this character set; here bytes are never changed: let the platform hand over messages in it",
  );
}

/**
 * MLLP with its standard bytes; anything else holds the channel.
 *
 * @returns whether the blocks are acknowledged by single bytes (MLLP Release 2); `undefined` for what is no MLLP at all
 */
export function readMllp(draft: Draft): { readonly isRelease2: boolean } | undefined {
  const mode = find(draft.properties, "transmissionModeProperties");
  if (mode === undefined || textAt(mode, "pluginPointName") !== "MLLP") {
    draft.missing(
      mode ?? draft.properties,
      "the transmission mode is not MLLP, and there is no other here: have the peer speak MLLP, or leave this to another engine",
    );
    return undefined;
  }
  const [start, end] = [textAt(mode, "startOfMessageBytes"), textAt(mode, "endOfMessageBytes")];
  const isStandard = start.toUpperCase() === "0B" && end.toUpperCase() === "1C0D";
  if (!isStandard && (start !== "" || end !== "")) {
    draft.hold(
      mode,
      `blocks are framed by ${bytesShown(start)} and ${bytesShown(end)}; here they begin with 0B and end in 1C 0D (a listener also takes 1C 0A, 1C 0B and 1C alone, see lenientEnd): have the peer changed, then remove the #`,
    );
  }
  const isRelease2 = isTrue(mode, "useMLLPv2");
  const [ack, nack] = [textAt(mode, "ackBytes"), textAt(mode, "nackBytes")];
  if (isRelease2 && !(["", "06"].includes(ack) && ["", "15"].includes(nack))) {
    draft.hold(
      mode,
      "MLLP Release 2 with other bytes than 06 and 15: have the peer changed, then remove the #",
    );
  }
  return { isRelease2 };
}

const bytesShown = (hex: string): string => {
  if (!/^(?:[0-9A-Fa-f]{2}){1,8}$/.test(hex)) return "other bytes";
  return (hex.match(/../g) ?? []).join(" ").toUpperCase();
};

/** TLS and whatever else plug-ins add to a connector. */
export function readPlugins(draft: Draft): void {
  const names = ["pluginProperties", "responseConnectorPluginProperties"];
  const plugins = names.flatMap((name) => find(draft.properties, name)?.children ?? []);
  for (const plugin of plugins) {
    const own = plugin.name.split(".").at(-1) ?? "";
    // Every listener of HTTP has this one.
    if (textAt(plugin, "enabled") === "false" || textAt(plugin, "authType") === "NONE") continue;
    if (/ssl|tls/i.test(plugin.name)) {
      draft.hold(
        plugin,
        "a plug-in speaks TLS here, and its certificates are not in the export: write a tls: block with files of your own, then remove the #",
      );
    } else if (!/DataTypeProperties$/.test(own)) {
      draft.missing(
        plugin,
        "settings of a plug-in: see in Mirth what it does, and whether anybody needs it",
      );
    }
  }
}
