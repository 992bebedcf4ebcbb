/**
 * Where a probe may connect to (08 4.4): not to this machine, its link, or what a cloud tells its machines, unless the
 * configuration has that very address in it. Pure.
 *
 * @module
 */
import { isIP } from "node:net";
import { isWithin, rangeOf } from "#config/addresses.ts";

/** A name that leads there is one that somebody else has pointed there. */
const FORBIDDEN = [
  ...["0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4"],
  // Of clouds: Alibaba, Oracle, Amazon.
  ...["100.100.100.200", "192.0.0.192", "fd00:ec2::254"],
  ...["::/128", "::1", "fe80::/10", "ff00::/8"],
].flatMap((text) => rangeOf(text) ?? []);

export const isLiteral = (host: string): boolean => isIP(host) !== 0;

/** @param address as it was resolved; one that cannot be read is forbidden */
export function isForbidden(address: string): boolean {
  const range = rangeOf(address);
  return range === undefined || FORBIDDEN.some((outer) => isWithin(range, outer));
}
