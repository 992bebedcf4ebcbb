/**
 * The header of the PROXY protocol, version 2, binary (TP4): who connected to the balancer in front.
 * Pure: it sees bytes and a list of networks, no sockets.
 *
 *   12 bytes signature · u8 version 2 and command · u8 family and transport · u16 length · addresses · TLVs
 *
 * @see The PROXY protocol, versions 1 & 2 (haproxy.org), section 2.2
 * @module
 */
import { BlockList, isIP } from "node:net";

const SIGNATURE = Uint8Array.of(
  ...[0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a],
);
/** Up to and with the length. */
export const PROXY_FIXED_BYTES = 16;
/** Largest header: it fits into one segment of any path (536 bytes), so it never comes in pieces for long. */
export const PROXY_HEADER_MAX_BYTES = 536;
const VERSION_AND_LOCAL = 0x20;
const VERSION_AND_PROXY = 0x21;

interface Family {
  readonly addressBytes: number;
  readonly read: (bytes: Uint8Array) => string;
}
/** Over TCP: nothing else carries a tunnel. */
const FAMILIES: ReadonlyMap<number, Family> = new Map([
  [0x11, { addressBytes: 4, read: (bytes) => bytes.join(".") }],
  [0x21, { addressBytes: 16, read: groupsOf }],
]);

export interface Peer {
  readonly address: string;
  readonly port: number;
}

export type ProxyHeader =
  /** `bytes`: of the whole header. `source` is null for LOCAL: the balancer speaks for itself. */
  | { readonly kind: "complete"; readonly bytes: number; readonly source: Peer | null }
  /** `bytes`: as many are needed at least, from the beginning. */
  | { readonly kind: "incomplete"; readonly bytes: number }
  | { readonly kind: "malformed" };

const MALFORMED: ProxyHeader = { kind: "malformed" };

/**
 * Reads a header from the beginning of a connection.
 *
 * What follows the addresses (TLVs) is skipped. Malformed is: another signature, version, command or
 * family, too few bytes of addresses, and more than {@link PROXY_HEADER_MAX_BYTES} in all. That is
 * said as soon as the bytes that are wrong are here
 */
export function readProxyHeader(bytes: Uint8Array): ProxyHeader {
  const begin = bytes.subarray(0, SIGNATURE.length);
  if (begin.some((byte, index) => byte !== SIGNATURE[index])) return MALFORMED;
  if (bytes.length < PROXY_FIXED_BYTES) return { kind: "incomplete", bytes: PROXY_FIXED_BYTES };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const command = view.getUint8(12);
  const total = PROXY_FIXED_BYTES + view.getUint16(14);
  if (total > PROXY_HEADER_MAX_BYTES) return MALFORMED;
  if (command === VERSION_AND_LOCAL) {
    // A health check: whatever it says of addresses is to be ignored.
    if (bytes.length < total) return { kind: "incomplete", bytes: total };
    return { kind: "complete", bytes: total, source: null };
  }
  const family = FAMILIES.get(view.getUint8(13));
  if (command !== VERSION_AND_PROXY || family === undefined) return MALFORMED;
  const { addressBytes, read } = family;
  // Source and destination, each with a port.
  const portAt = PROXY_FIXED_BYTES + 2 * addressBytes;
  if (total < portAt + 4) return MALFORMED;
  if (bytes.length < total) return { kind: "incomplete", bytes: total };
  const address = read(bytes.subarray(PROXY_FIXED_BYTES, PROXY_FIXED_BYTES + addressBytes));
  return { kind: "complete", bytes: total, source: { address, port: view.getUint16(portAt) } };
}

/** Eight groups of hexadecimal, not shortened: for a log, and to be compared with itself. */
function groupsOf(bytes: Uint8Array): string {
  const groups: string[] = [];
  for (let at = 0; at < bytes.length; at += 2) {
    groups.push((((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)).toString(16));
  }
  return groups.join(":");
}

/** Networks in CIDR notation, as `10.0.0.0/8` or `2001:db8::/32`. */
export class Networks {
  readonly #list = new BlockList();

  /** @throws {RangeError} if one is none; see {@link isNetwork} */
  constructor(networks: readonly string[]) {
    for (const network of networks) {
      const parts = partsOf(network);
      if (parts === null) throw new RangeError("Cannot read a network in CIDR notation");
      this.#list.addSubnet(parts.address, parts.prefix, parts.family);
    }
  }

  /** @param address as Node tells it: IPv4 may stand in IPv6 (`::ffff:10.1.2.3`) */
  has(address: string): boolean {
    const plain = address.startsWith("::ffff:") ? address.slice(7) : address;
    const version = isIP(plain);
    return version !== 0 && this.#list.check(plain, version === 4 ? "ipv4" : "ipv6");
  }
}

export function isNetwork(text: string): boolean {
  return partsOf(text) !== null;
}

function partsOf(text: string) {
  const [address = "", digits = "", ...more] = text.split("/");
  const version = isIP(address);
  if (version === 0 || more.length > 0 || !/^\d{1,3}$/.test(digits)) return null;
  const prefix = Number(digits);
  if (prefix > (version === 4 ? 32 : 128)) return null;
  return { address, prefix, family: version === 4 ? "ipv4" : "ipv6" } as const;
}
