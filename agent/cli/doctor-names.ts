/**
 * What the names of other systems mean here: by the resolver of this system, as the agent asks it. With and without the
 * search domains: a name that only they complete means something else on the next machine.
 *
 * @module
 */
import { lookup } from "node:dns/promises";
import { BlockList, isIP } from "node:net";
import { codeOf, identifierFrom } from "../errors.ts";
import { systemClock } from "../host/clock.ts";
import type { Findings } from "./doctor-way.ts";
import { type Finding, notice, ok, warning } from "./finding.ts";
import { escaped } from "./terminal.ts";
import { within } from "./within.ts";

/** A resolver that is away is known by then. */
const ANSWER_MS = 5_000;
const ADDRESSES_SHOWN = 6;
/** One channel each, and some. */
const NAMES_MAX_COUNT = 64;

/** What filters answer in the place of an address. */
const SINKS = new BlockList();
SINKS.addSubnet("127.0.0.0", 8, "ipv4");
SINKS.addAddress("0.0.0.0", "ipv4");
SINKS.addAddress("::", "ipv6");
SINKS.addAddress("::1", "ipv6");

/** Such as `node:dns`'s: addresses of a name, or an error with a code. */
export type Resolve = (name: string) => Promise<readonly string[]>;

const bySystem: Resolve = async (name) =>
  (await lookup(name, { all: true })).map(({ address }) => address);

/** @param hosts names and addresses, each once */
export async function lookAtNames(
  hosts: readonly string[],
  resolve: Resolve = bySystem,
): Promise<Findings> {
  const names = [...new Set(hosts)].filter((host) => isIP(host) === 0).slice(0, NAMES_MAX_COUNT);
  const rows = names.map(async (name) => {
    const late = warning(`No answer in ${ANSWER_MS / 1_000} s`, { durationMs: ANSWER_MS }, AWAY);
    return [escaped(name), await within(ANSWER_MS, lookAtName(name, resolve), late)] as const;
  });
  return Object.fromEntries(await Promise.all(rows));
}

const AWAY = "See /etc/resolv.conf: does its resolver answer, and is UDP and TCP 53 to it open?";
const UNKNOWN = "Compare the name with the vendor's sheet; ask whoever runs DNS to resolve it here";

async function lookAtName(name: string, resolve: Resolve): Promise<Finding> {
  const sinceMs = systemClock.monotonicMs();
  const found = await resolved(name, resolve);
  const durationMs = Math.round(systemClock.monotonicMs() - sinceMs);
  if (typeof found === "string") {
    const facts = { sysCode: identifierFrom(found), durationMs };
    return found === "ENOTFOUND"
      ? warning("No resolver knows it", facts, UNKNOWN)
      : warning(`Cannot be resolved (${found})`, facts, AWAY);
  }
  const whole = name.endsWith(".") ? found : await resolved(`${name}.`, resolve);
  return judgeAddresses(name, found, whole, durationMs);
}

/** @returns the error's code if there is none */
async function resolved(name: string, resolve: Resolve): Promise<readonly string[] | string> {
  try {
    return await resolve(name);
  } catch (error) {
    return codeOf(error);
  }
}

/** @param whole of the name with a dot behind it, to which nothing is added */
export function judgeAddresses(
  name: string,
  found: readonly string[],
  whole: readonly string[] | string,
  durationMs: number,
): Finding {
  const facts = { count: found.length, durationMs };
  const more = found.length > ADDRESSES_SHOWN ? ` and ${found.length - ADDRESSES_SHOWN} more` : "";
  const text = `${found.slice(0, ADDRESSES_SHOWN).map(escaped).join(", ")}${more}, ${durationMs} ms`;
  if (name !== "localhost" && found.some(isSink)) {
    return warning(
      `${text}: this machine itself`,
      facts,
      "A filter or /etc/hosts answers in its place",
    );
  }
  if (name !== "localhost" && typeof whole === "string") {
    const remedy =
      "It comes from /etc/hosts or a search domain: elsewhere it means nothing, or another host";
    return notice(`${text}; DNS alone does not know it`, facts, remedy);
  }
  if (typeof whole !== "string" && !whole.some((address) => found.includes(address))) {
    // Or it answers with another few of many each time.
    const remedy =
      "If that is another host, a search domain completes the name: write it with all its domains";
    return notice(`${text}; without search domains other addresses`, facts, remedy);
  }
  return ok(text, facts);
}

const isSink = (address: string): boolean =>
  SINKS.check(address, isIP(address) === 6 ? "ipv6" : "ipv4");
