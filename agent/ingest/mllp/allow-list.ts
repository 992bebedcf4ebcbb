/** Which source addresses may connect (03 C3). @module */
import { BlockList, isIP } from "node:net";

/**
 * A test for addresses.
 *
 * @param entries single addresses or CIDR ranges, IPv4 or IPv6; none allows every address
 * @throws {RangeError} if an entry is neither; `config` checks before, with line and column
 */
export function allowList(entries: readonly string[]): (address: string) => boolean {
  if (entries.length === 0) return () => true;
  const allowed = new BlockList();
  for (const entry of entries) {
    const [address = "", prefix] = entry.split("/");
    const version = isIP(address);
    if (version === 0) throw new RangeError("Cannot allow an address that is not one");
    const type = version === 6 ? "ipv6" : "ipv4";
    if (prefix === undefined) allowed.addAddress(address, type);
    else allowed.addSubnet(address, Number(prefix), type);
  }
  return (address) => allowed.check(address, isIP(address) === 6 ? "ipv6" : "ipv4");
}

/**
 * A peer's address as lists and log lines have it: `::ffff:10.0.0.1`, a dual-stack socket's form of an
 * IPv4 peer, as `10.0.0.1`; `fe80::1%eth0` without its zone.
 */
export function plainAddress(address: string): string {
  const [plain = ""] = address.split("%", 1);
  return plain.startsWith("::ffff:") ? plain.slice(7) : plain;
}
