/**
 * What changes from one configuration to another, for the people who say yes to it (07 2.8, 2.9).
 *
 * Channels are told apart by name. A line for each setting that is not the same, and one for each channel that comes
 * or goes; the class of the whole is the gravest of its lines. Addresses are shown: this is for the machine itself.
 *
 * @module
 */
import { channelList } from "./channel-set.ts";
import { graverOf, type Meaning, type Risk, riskOf } from "./risk.ts";
import type { SignedBody } from "./signed-body.ts";

export interface DifferenceLine {
  /** `opens`, `closes`: what can be reached; `goes`: where data will go; `changes`: anything else. */
  readonly kind: "opens" | "closes" | "goes" | "changes";
  readonly risk: Risk;
  readonly reason: string;
  readonly channel: string;
  /** Path inside the channel, such as `tls.clientCa`; empty for the whole channel. */
  readonly setting: string;
  /** Absent where there was none, or will be none. */
  readonly before?: unknown;
  readonly after?: unknown;
}

export interface Difference {
  readonly risk: Risk;
  /** What opens, what closes, where data goes, the rest; in each by channel and setting. */
  readonly lines: readonly DifferenceLine[];
}

type Channel = SignedBody["channels"][number];
type Leaves = ReadonlyMap<string, unknown>;

export const KINDS: readonly DifferenceLine["kind"][] = ["opens", "closes", "goes", "changes"];
/** Of a new channel people read this even where it is as it would be anyway. */
const TOLD = ["host", "port", "allow", "folder", "workFolder", "archiveFolder", "errorFolder"];

/** @param before absent: nothing runs yet */
export function differenceOf(before: SignedBody | undefined, after: SignedBody): Difference {
  const [old, next] = [byName(before?.channels ?? []), byName(after.channels)];
  const lines: DifferenceLine[] = [];
  for (const name of new Set([...old.keys(), ...next.keys()])) {
    const [was, is] = [old.get(name), next.get(name)];
    if (was !== undefined && is !== undefined && was.kind === is.kind) {
      lines.push(...changedLines(was, is));
    } else {
      // Of another kind it is another channel.
      if (was !== undefined) lines.push(goneLine(was));
      if (is !== undefined) lines.push(...newLines(is));
    }
  }
  lines.sort(inOrder);
  return { risk: lines.map(({ risk }) => risk).reduce(graverOf, "low"), lines };
}

function* newLines(channel: Channel): Generator<DifferenceLine> {
  const { name, kind } = channel;
  const standard = leavesOf(shortest(kind));
  const reason = "a channel is added";
  yield { kind: "opens", risk: "high", reason, channel: name, setting: "", after: kind };
  for (const [setting, after] of leavesOf(channel)) {
    if (!TOLD.includes(setting) && isSame(after, standard.get(setting))) continue;
    const { risk, meaning, reason } = riskOf(kind, setting, undefined, after);
    yield { kind: kindOf(meaning), risk, reason, channel: name, setting, after };
  }
}

function goneLine({ name, kind }: Channel): DifferenceLine {
  const reason = "a channel is removed";
  return { kind: "closes", risk: "high", reason, channel: name, setting: "", before: kind };
}

function* changedLines(was: Channel, is: Channel): Generator<DifferenceLine> {
  const [old, next] = [leavesOf(was), leavesOf(is)];
  for (const setting of new Set([...old.keys(), ...next.keys()])) {
    const [before, after] = [old.get(setting), next.get(setting)];
    if (isSame(before, after)) continue;
    const { risk, meaning, reason } = riskOf(is.kind, setting, before, after);
    const line = { risk, reason, channel: is.name, setting };
    if (setting === "allow") yield* senderLines(line, before, after);
    else yield { ...line, kind: kindOf(meaning), ...present({ before, after }) };
  }
}

/** Senders that may come, and those that may no longer: who is let in must not hide in a long list. */
function* senderLines(
  line: Omit<DifferenceLine, "kind">,
  before: unknown,
  after: unknown,
): Generator<DifferenceLine> {
  const [old, next] = [listOf(before), listOf(after)];
  const added = next.filter((one) => !old.includes(one));
  const removed = old.filter((one) => !next.includes(one));
  if (added.length > 0) yield { ...line, kind: "opens", after: added };
  if (removed.length > 0) yield { ...line, kind: "closes", before: removed };
  // The same ones, in another order or written twice.
  if (added.length + removed.length === 0) yield { ...line, kind: "changes", before, after };
}

const kindOf = (meaning: Meaning): DifferenceLine["kind"] =>
  meaning === "opening" ? "opens" : meaning === "destination" ? "goes" : "changes";

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

const isSame = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

function present({ before, after }: { before: unknown; after: unknown }): object {
  return {
    ...(before === undefined ? {} : { before }),
    ...(after === undefined ? {} : { after }),
  };
}

const byName = (channels: readonly Channel[]): ReadonlyMap<string, Channel> =>
  new Map(channels.map((channel) => [channel.name, channel]));

/** Lists are leaves. Name and kind are what the lines stand under. */
function leavesOf(channel: Channel): Leaves {
  const leaves = new Map<string, unknown>();
  const visit = (value: object, prefix: string): void => {
    for (const [key, inner] of Object.entries(value) as [string, unknown][]) {
      const path = prefix === "" ? key : `${prefix}.${key}`;
      if (path === "name" || path === "kind" || inner === undefined) continue;
      if (typeof inner === "object" && inner !== null && !Array.isArray(inner)) visit(inner, path);
      else leaves.set(path, inner);
    }
  };
  visit(channel, "");
  return leaves;
}

/** A channel of a kind that says nothing which it need not. */
function shortest(kind: Channel["kind"]): Channel {
  const where =
    kind === "mllp-listener"
      ? { port: 0 }
      : kind === "mllp-sender"
        ? { host: "localhost", port: 1 }
        : { folder: "/" };
  const [channel] = channelList.parse([{ name: "shortest", kind, ...where }]);
  if (channel === undefined) throw new TypeError(`Cannot build the shortest ${kind}`);
  return channel;
}

function inOrder(a: DifferenceLine, b: DifferenceLine): number {
  return (
    KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind) ||
    compare(a.channel, b.channel) ||
    compare(a.setting, b.setting)
  );
}

/** Not by language: the order is the same on every machine. */
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
