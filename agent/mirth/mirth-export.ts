/** Where the channels are in an export: of one, of a group, of several, of a whole server. @module */
import { type Refused, refusedAt } from "./decode.ts";
import { find, type XmlNode } from "./xml-tree.ts";

const ROOTS = ["channel", "list", "channels", "channelGroup", "serverConfiguration"];
/** The list in the list in a group: no export has more. */
const LEVELS_MAX = 6;

export interface MirthExport {
  readonly kind: "export";
  readonly root: XmlNode;
  /** With connectors; others are references of groups. */
  readonly channels: readonly XmlNode[];
  /** Such as `4.5.2`; empty if it is not said. */
  readonly version: string;
}

export function exportOf(root: XmlNode): MirthExport | Refused {
  if (!ROOTS.includes(root.name)) {
    return refusedAt(
      root.line,
      1,
      "this is no export of channels: it should begin with <channel>, <list>, <channels>, <channelGroup> or <serverConfiguration>",
    );
  }
  const channels = channelsIn(root, 0);
  const [first] = channels;
  if (first === undefined) {
    return refusedAt(
      root.line,
      1,
      "no channel with a connector is in it: export channels, not only their groups or settings",
    );
  }
  const version = /^\d+(?:\.\d+){1,3}/.exec(first.version)?.[0] ?? "";
  if (channels.every((channel) => isOfMirth2(channel))) {
    return refusedAt(
      first.line,
      1,
      "it was written by Mirth Connect 2 or earlier: import it into version 3 or 4, and export it there",
    );
  }
  return { kind: "export", root, channels, version };
}

function channelsIn(node: XmlNode, level: number): readonly XmlNode[] {
  if (node.name === "channel") return find(node, "sourceConnector") === undefined ? [] : [node];
  if (level > LEVELS_MAX || (level > 0 && !LISTS.includes(node.name))) return [];
  return node.children.flatMap((child) => channelsIn(child, level + 1));
}

const LISTS = ["list", "channels", "channelGroup", "channelGroups"];

/** Properties were a list of names then. */
const isOfMirth2 = (channel: XmlNode): boolean =>
  find(channel, "sourceConnector", "properties")?.className === "";
