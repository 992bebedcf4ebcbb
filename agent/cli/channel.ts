/** `holdfast channel list`: what each sender really does, and each channel that delivers, on one screen. @module */
import { loadLocalConfig } from "#config/local.ts";
import type { DeliveryStatus } from "../delivery-status.ts";
import { AgentError } from "../errors.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import type { ObservedChannel } from "../health/channel-record.ts";
import type { AgentStatus, ChannelStatus } from "../status.ts";
import { question } from "./question.ts";
import { escaped, printFacts, readableBytes, table } from "./terminal.ts";

/** What a positive reply of each mode promises, in the words for partners (03 A7). */
const MEANINGS: Readonly<Record<NonNullable<ChannelStatus["ackMode"]>, string>> = {
  auto: "AA and CA mean: stored safely here. They do not mean: processed by the receiving system",
  storeAA: "AA means: stored safely here. It does not mean: processed by the receiving system",
  commitOnly: "CA means: stored safely here. It does not mean: processed by the receiving system",
  none: "nothing is sent; messages are stored safely all the same",
  r2: "0x06 means: stored safely here. It does not mean: processed by the receiving system",
  deferred: "AA means: the receiver has stored it, or the fallback of the channel",
};

/** @param options `name`: only that channel @returns 65 if there is no channel of that name */
export async function channelList(options: {
  readonly name: string | undefined;
  readonly config: string;
  readonly json: boolean;
}): Promise<ExitCode> {
  const { stateDir } = loadLocalConfig(options.config);
  const status = (await question(stateDir, { ask: "status" })) as AgentStatus;
  const isMeant = ({ name }: { readonly name: string }): boolean =>
    options.name === undefined || name === options.name;
  const channels = status.channels.filter(isMeant);
  const deliveries = status.deliveries.filter(isMeant);
  const all = [...channels, ...deliveries];
  if (all.length === 0) throw new AgentError("CHANNEL_UNKNOWN", {});
  printFacts(options.json, all, () => [
    ...channels.flatMap((channel) => [...lines(channel), ""]),
    ...deliveries.flatMap((delivery) => [...deliveryLines(delivery), ""]),
  ]);
  return EXIT.ok;
}

function lines(channel: ChannelStatus): string[] {
  const { observed, counters } = channel;
  const counted = Object.entries(counters).map(([name, count]) => `${name} ${count}`);
  return [
    heading(channel),
    ...(channel.ackMode === undefined
      ? []
      : [`  ackMode ${channel.ackMode}: ${MEANINGS[channel.ackMode]}`]),
    `  waiting for the receiver: ${channel.waiting} (${readableBytes(channel.waitingBytes)})`,
    `  quarantine: ${channel.quarantineCount} (${readableBytes(channel.quarantineBytes)})`,
    ...(observed === undefined ? [] : observedLines(observed)),
    ...wrapped("  since start: ", counted),
  ];
}

function heading(channel: ChannelStatus): string {
  const { name, configured, listening, host, port, tls, connections, maxConnections, folder } =
    channel;
  if (!configured) return `${name}: not configured any more; its messages still leave`;
  if (folder !== undefined) {
    const { state, since, files, incomplete } = folder;
    return `${name}: files from a folder, ${state} since ${since}, ${files} there, ${incomplete} of them not complete`;
  }
  const where = listening ? `${tls ? "TLS " : ""}${host}:${port}` : "port closed";
  const handshakes =
    channel.handshakes === 0 ? "" : `, ${channel.handshakes} in their TLS handshake`;
  return `${name}: ${where}, ${connections} of ${maxConnections} connections${handshakes}`;
}

function deliveryLines(delivery: DeliveryStatus): string[] {
  const { name, configured, kind, state, since, counters, uncollected } = delivery;
  const where = configured ? `${kind}, ${state}` : "not configured any more; its messages stay";
  const counted = Object.entries(counters).map(([counter, count]) => `${counter} ${count}`);
  const { code, at } = delivery.lastReply ?? {};
  const isFolder = kind === "folder";
  return [
    `${name}: delivers; ${where}${since === undefined ? "" : ` since ${since}`}`,
    `  waiting here: ${delivery.waiting} (${readableBytes(delivery.waitingBytes)}), oldest ${delivery.oldestWaitingAt ?? "-"}`,
    `  ${isFolder ? "last file" : "last accepted"}: ${delivery.lastAcceptedAt ?? "none yet"}`,
    ...(code === undefined ? [] : [`  last reply: ${code} at ${at}`]),
    ...(uncollected === 0 ? [] : [`  not collected: ${uncollected}`]),
    `  set aside: ${delivery.asideCount}`,
    ...wrapped("  since start: ", counted),
  ];
}

function observedLines({
  peers,
  pairs,
  warnings,
  lastReply,
  lastMessageAt,
}: ObservedChannel): string[] {
  const reply = lastReply === undefined ? "none yet" : `${lastReply.code} at ${lastReply.at}`;
  return [
    `  last message: ${lastMessageAt ?? "none yet"}, last reply: ${reply}`,
    ...block("peers", [
      ["from", "certificate", "open", "connections", "messages", "last seen", "last reply"],
      ...peers.map((peer) => [
        peer.address,
        peer.name ?? "-",
        String(peer.connections),
        String(peer.connectionsTotal),
        String(peer.messages),
        peer.lastSeenAt,
        peer.lastReply ?? "-",
      ]),
    ]),
    ...block("what senders ask for", [
      ["MSH-15", "MSH-16", "messages"],
      ...pairs.map(({ accept, application, count }) => [accept, application, String(count)]),
    ]),
    ...block("protocol warnings", [
      ["warning", "times", "last", "from", "control id", "meaning"],
      ...warnings.map((one) => [
        one.warning,
        String(one.count),
        one.lastAt,
        one.peer,
        escaped(one.controlId ?? "-"),
        one.text,
      ]),
    ]),
  ];
}

/** @param rows with their heading: nothing is printed where there is no other */
function block(title: string, rows: readonly (readonly string[])[]): string[] {
  if (rows.length < 2) return [];
  return [`  ${title}:`, ...table(rows).map((line) => `    ${line}`)];
}

const WIDTH = 100;

function wrapped(title: string, words: readonly string[]): string[] {
  if (words.length === 0) return [];
  const found: string[] = [];
  let line = title;
  for (const [index, word] of words.entries()) {
    const next = index === words.length - 1 ? word : `${word}, `;
    if (line.length + next.length > WIDTH) {
      found.push(line.trimEnd());
      line = " ".repeat(title.length);
    }
    line += next;
  }
  return [...found, line];
}
