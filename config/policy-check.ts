/**
 * Whether a signed configuration stays inside the policy of this machine (07 2.7, VC9).
 *
 * @module
 */
import { resolve } from "node:path";
import { type AddressRange, isUnspecified, isWithin, rangeOf } from "./addresses.ts";
import { type AnyChannel, usedFolders } from "./channel-set.ts";
import { isInside } from "./folders.ts";
import { destination, destinationOf, type Policy, portRange } from "./policy.ts";
import { realFolder } from "./real-folder.ts";
import type { SignedBody } from "./signed-body.ts";

export interface PolicyBreach {
  /** Key of the policy, such as `policy.listenPorts`, or `local.yaml` for what it keeps for itself. */
  readonly rule: string;
  /** Where in the body, such as `channels.0.port`. */
  readonly place: string;
  /** For people at the machine. */
  readonly message: string;
}

export interface PolicyPlaces {
  /** Folders that belong to the agent itself: state, keys, the folder of `local.yaml`. Absolute. */
  readonly reserved: readonly string[];
  /** Where a path leads behind its links, and nothing where that is not known. */
  readonly realFolder?: (path: string) => string | undefined;
}

type Listener = Extract<AnyChannel, { kind: "mllp-listener" }>;
type Breaches = Generator<PolicyBreach>;

/** Whom a listener without `allow` takes: only a loopback one may be without. */
const LOOPBACK = ["127.0.0.0/8", "::1"];
/** What is signed has absolute folders only. */
const ROOT = resolve("/");
/** What `localhost` may come to mean. */
const LOCALHOST = ["127.0.0.1", "::1"];

/**
 * @returns every breach, in the order of the body; empty if the policy allows all of it
 */
export function whatPolicyForbids(
  body: SignedBody,
  policy: Policy,
  places: PolicyPlaces,
): PolicyBreach[] {
  const foreign = Object.keys(body).filter((key) => key !== "channels");
  return [
    ...foreign.map((key) => breach("local.yaml", key, "belongs to local.yaml alone")),
    ...body.channels.flatMap((channel, index) => [
      ...channelBreaches(channel, index, policy, places),
    ]),
  ];
}

function* channelBreaches(
  channel: AnyChannel,
  index: number,
  policy: Policy,
  places: PolicyPlaces,
): Breaches {
  const at = `channels.${index}`;
  if (channel.kind === "mllp-listener") yield* listenerBreaches(channel, at, policy);
  if (channel.kind === "mllp-sender") {
    const allowed = policy.destinations.map(destinationOf);
    if (!allowed.includes(destination(channel.host, channel.port))) {
      yield breach("policy.destinations", `${at}.host`, "is not a destination that is allowed");
    }
  }
  if ("tls" in channel && channel.tls !== undefined && policy.tlsFolder === undefined) {
    yield breach("policy.tlsFolder", `${at}.tls`, "names files, and no folder is allowed for them");
  }
  yield* folderBreaches(channel, index, policy, places);
}

function* listenerBreaches(channel: Listener, at: string, policy: Policy): Breaches {
  const listened = channel.host === "localhost" ? LOCALHOST : [channel.host];
  if (!listened.every((host) => mayListen(host, policy.listenAddresses))) {
    yield breach("policy.listenAddresses", `${at}.host`, "is not an address that is allowed");
  }
  const ports = policy.listenPorts.map(portRange);
  if (!ports.some((one) => one && one[0] <= channel.port && channel.port <= one[1])) {
    yield breach("policy.listenPorts", `${at}.port`, "is not a port that is allowed");
  }
  const networks = rangesOf(policy.sourceNetworks);
  const isMissing = channel.allow.length === 0;
  for (const [index, text] of (isMissing ? LOOPBACK : channel.allow).entries()) {
    const range = rangeOf(text);
    if (range !== undefined && networks.some((network) => isWithin(range, network))) continue;
    const place = isMissing ? `${at}.allow` : `${at}.allow.${index}`;
    yield breach("policy.sourceNetworks", place, "is not inside a network that is allowed");
  }
}

/** An address that means every interface must be written out: a range holds it by chance. */
function mayListen(host: string, allowed: readonly string[]): boolean {
  const address = rangeOf(host);
  if (address === undefined) return false;
  const ranges = rangesOf(allowed);
  const fitting = isUnspecified(address) ? ranges.filter(isUnspecified) : ranges;
  return fitting.some((range) => isWithin(address, range));
}

function* folderBreaches(
  channel: AnyChannel,
  index: number,
  { folderRoots }: Policy,
  { reserved, realFolder: real = realFolder }: PolicyPlaces,
): Breaches {
  const roots = folderRoots.map(real).filter((root) => root !== undefined);
  const own = reserved.map((path) => real(path) ?? path);
  for (const { key, path } of usedFolders(channel, index, ROOT)) {
    const place = `channels.${index}.${key}`;
    const there = real(path);
    if (there === undefined || !roots.some((root) => isInside(there, root))) {
      yield breach("policy.folderRoots", place, "does not lie in a folder that is allowed");
    } else if (own.some((mine) => isInside(there, mine) || isInside(mine, there))) {
      yield breach("local.yaml", place, "is where the agent keeps what is its own");
    }
  }
}

const rangesOf = (texts: readonly string[]): AddressRange[] =>
  texts.map(rangeOf).filter((range) => range !== undefined);

const breach = (rule: string, place: string, message: string): PolicyBreach => ({
  ...{ rule, place, message },
});
