/**
 * An export of Mirth Connect (3.x, 4.x), told as channels of ours and as remarks on whatever differs or has no equivalent.
 *
 * Pure. Each connector becomes a channel: the source one that takes messages, each destination one that delivers.
 *
 * @module
 */
import { channelList, clashesOf } from "#config/channel-set.ts";
import { ChannelNames } from "./channel-names.ts";
import type { Refused } from "./decode.ts";
import { textOf } from "./decode.ts";
import { Draft, type Remark, Remarks, shown, type Value } from "./draft.ts";
import { readFileReader } from "./file-reader.ts";
import { readFileWriter } from "./file-writer.ts";
import { readLeftOut, readServer, readSteps } from "./left-out.ts";
import { readListener } from "./listener.ts";
import { exportOf } from "./mirth-export.ts";
import { sayNoSuchConnector } from "./other-connectors.ts";
import { readSender } from "./sender.ts";
import { find, isFalse, readXml, textAt, type XmlNode } from "./xml-tree.ts";

/** One connector. */
export interface Entry {
  /** Such as `"ADT", source`. */
  readonly place: string;
  /** Of the export. */
  readonly line: number;
  /** In the order of our documents; `undefined`: there is no such channel here. */
  readonly keys: ReadonlyMap<string, Value> | undefined;
  /** Why it is to be printed as a comment only. */
  readonly notRun: "disabled" | "stopped" | "held" | undefined;
  readonly remarks: readonly Remark[];
}

export interface Translation {
  readonly kind: "translation";
  /** Of Mirth, such as `4.5.2`; empty if it is not said. */
  readonly version: string;
  readonly channelCount: number;
  readonly entries: readonly Entry[];
  /** On channels as a whole, and on what stands beside them. */
  readonly remarks: readonly Remark[];
}

type Reader = (draft: Draft, name: string) => boolean;
const READERS: Readonly<Record<string, Reader>> = {
  TcpReceiverProperties: readListener,
  TcpDispatcherProperties: readSender,
  FileReceiverProperties: readFileReader,
  FileDispatcherProperties: readFileWriter,
};

/** @param bytes of the file */
export function translateMirth(bytes: Uint8Array): Translation | Refused {
  const text = textOf(bytes);
  if (text.kind === "refused") return text;
  const xml = readXml(text.text);
  if (xml.kind === "refused") return xml;
  const found = exportOf(xml.root);
  if (found.kind === "refused") return found;
  const names = new ChannelNames();
  const server = new Remarks("the server");
  readServer(found.root, server);
  const remarks: Remark[] = [...server.list];
  const entries: Entry[] = [];
  for (const channel of found.channels) {
    const label = `"${shown(textAt(channel, "name"))}"`;
    const whole = new Remarks(label);
    readLeftOut(channel, whole);
    remarks.push(...whole.list);
    entries.push(...entriesOf(channel, label, names));
  }
  const { version } = found;
  const kind = "translation";
  return { kind, version, channelCount: found.channels.length, entries: apart(entries), remarks };
}

function entriesOf(channel: XmlNode, label: string, names: ChannelNames): Entry[] {
  const name = textAt(channel, "name");
  const source = find(channel, "sourceConnector");
  const destinations = find(channel, "destinationConnectors")?.children ?? [];
  const state = stateOf(channel);
  return [
    ...(source === undefined
      ? []
      : [entryOf(source, `${label}, source`, names.nameFor(name), state)]),
    ...destinations.map((one) => {
      const own = textAt(one, "name");
      const isOff = isFalse(one, "enabled") ? "disabled" : state;
      return entryOf(
        one,
        `${label}, destination "${shown(own)}"`,
        names.nameFor(`${name}-${own}`),
        isOff,
      );
    }),
  ];
}

/** Of a channel that does not run in Mirth, either. */
function stateOf(channel: XmlNode): "disabled" | "stopped" | undefined {
  // In `exportData` from 3.5 on, in the channel before.
  if (isFalse(channel, "enabled") || isFalse(channel, "exportData", "metadata", "enabled"))
    return "disabled";
  const state = textAt(channel, "properties", "initialState").toUpperCase();
  return ["", "STARTED"].includes(state) ? undefined : "stopped";
}

function entryOf(connector: XmlNode, place: string, name: string, state: Entry["notRun"]): Entry {
  const properties = find(connector, "properties") ?? connector;
  const draft = new Draft(connector, properties, place);
  draft.set("name", name);
  const read = READERS[properties.className.split(".").at(-1) ?? ""];
  if (read === undefined) sayNoSuchConnector(draft);
  const isChannel = read?.(draft, name) === true;
  readSteps(connector, draft);
  const { keys } = draft;
  // Whatever is printed without a # loads: what the schema would refuse does not run.
  const isFit =
    !isChannel || draft.isHeld || channelList.safeParse([Object.fromEntries(keys)]).success;
  if (!isFit) {
    draft.hold(
      properties,
      "a value in it is one that local.yaml cannot have: remove the #, and holdfast config check says which",
    );
  }
  const notRun = state ?? (draft.isHeld ? "held" : undefined);
  const { list: remarks } = draft;
  return { place, line: connector.line, keys: isChannel ? keys : undefined, notRun, remarks };
}

/** Holds what would use a port or a folder of another channel. */
function apart(entries: readonly Entry[]): readonly Entry[] {
  const running = entries.filter(({ notRun, keys }) => keys !== undefined && notRun === undefined);
  const ports = new Set<string>();
  const [twice, lying] = [new Set<Entry>(), new Set<Entry>()];
  for (const entry of running) {
    if (entry.keys?.get("kind") !== "mllp-listener") continue;
    const port = `${entry.keys.get("host")} ${entry.keys.get("port")}`;
    if (ports.has(port)) twice.add(entry);
    ports.add(port);
  }
  const others = running.filter((one) => !twice.has(one));
  if (others.length > 0) {
    const channels = channelList.parse(others.map(({ keys }) => Object.fromEntries(keys ?? [])));
    for (const { channel } of clashesOf(channels, "/")) {
      const entry = others[channel];
      if (entry !== undefined) lying.add(entry);
    }
  }
  return entries.map((entry) => {
    if (twice.has(entry))
      return held(
        entry,
        "an earlier channel listens on this port: give it another, then remove the #",
      );
    if (!lying.has(entry)) return entry;
    return held(
      entry,
      "its folder, or where its files go, is a folder of an earlier channel or lies in one; here each channel has its own: give it one, then remove the #",
    );
  });
}

function held(entry: Entry, text: string): Entry {
  const { line, place, remarks } = entry;
  const remark: Remark = { kind: "missing", line, place, text };
  return { ...entry, notRun: "held", remarks: [...remarks, remark] };
}
