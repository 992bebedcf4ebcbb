/**
 * Addresses and ranges of them as numbers, so that one range can be found inside another.
 *
 * An IPv4 address that is written as IPv6 (`::ffff:10.0.0.1`) is the IPv4 address: sockets treat it so.
 *
 * @module
 */
import { isIP } from "node:net";

export interface AddressRange {
  readonly family: 4 | 6;
  /** The first address. */
  readonly first: bigint;
  /** Leading bits that all addresses of the range share. */
  readonly prefix: number;
}

/** Of `::ffff:0:0/96` (RFC 4291 section 2.5.5.2), without its last 32 bits. */
const MAPPED_PREFIX = 0xffffn;
const IPV4_BITS = 32n;

/**
 * @param text an address, or a range such as `10.20.0.0/16`
 * @returns nothing for any other text, or one with a zone (`fe80::1%eth0`): a zone is a name of this machine
 */
export function rangeOf(text: string): AddressRange | undefined {
  const [address = "", prefix, ...rest] = text.split("/");
  const family = isIP(address);
  if (family === 0 || address.includes("%") || rest.length > 0) return undefined;
  const most = family === 6 ? 128 : 32;
  if (prefix !== undefined && !/^\d{1,3}$/.test(prefix)) return undefined;
  const bits = prefix === undefined ? most : Number(prefix);
  if (bits > most) return undefined;
  const value = family === 6 ? ipv6Value(address) : ipv4Value(address);
  return unmapped({ family: family === 6 ? 6 : 4, first: masked(value, bits, most), prefix: bits });
}

/** Whether every address of `inner` is in `outer`. */
export function isWithin(inner: AddressRange, outer: AddressRange): boolean {
  if (inner.family !== outer.family || inner.prefix < outer.prefix) return false;
  const behind = BigInt((inner.family === 6 ? 128 : 32) - outer.prefix);
  return inner.first >> behind === outer.first >> behind;
}

/** Whether to listen on it is to listen on every interface. */
export function isUnspecified({ family, first, prefix }: AddressRange): boolean {
  return first === 0n && prefix === (family === 6 ? 128 : 32);
}

/** One spelling for each address; a name as DNS compares it: without case, without the dot at its end. */
export function canonicalHost(host: string): string {
  const range = rangeOf(host);
  if (range !== undefined && !host.includes("/")) return `${range.family}:${range.first}`;
  return host.toLowerCase().replace(/\.$/, "");
}

/** Eight groups of an IPv6 address that `isIP` accepts, as URL spells it. */
export function ipv6Groups(address: string): number[] {
  const spelled = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const [head = "", tail] = spelled.split("::");
  const parse = (part: string): number[] =>
    part === "" ? [] : part.split(":").map((group) => Number.parseInt(group, 16));
  const [first, last] = [parse(head), parse(tail ?? "")];
  return [...first, ...new Array<number>(8 - first.length - last.length).fill(0), ...last];
}

function ipv4Value(address: string): bigint {
  return address.split(".").reduce((value, part) => value * 256n + BigInt(part), 0n);
}

function ipv6Value(address: string): bigint {
  return ipv6Groups(address).reduce((value, group) => value * 65_536n + BigInt(group), 0n);
}

function masked(value: bigint, prefix: number, most: number): bigint {
  const behind = BigInt(most - prefix);
  return (value >> behind) << behind;
}

function unmapped(range: AddressRange): AddressRange {
  const isMapped =
    range.family === 6 && range.prefix >= 96 && range.first >> IPV4_BITS === MAPPED_PREFIX;
  if (!isMapped) return range;
  return { family: 4, first: range.first & 0xffff_ffffn, prefix: range.prefix - 96 };
}
