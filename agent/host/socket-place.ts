/** Where a listening socket is bound, and whether that is what a listener is configured for. @module */
import { BlockList, isIP } from "node:net";

export interface SocketPlace {
  /** As `net` writes it. */
  readonly address: string;
  readonly port: number;
  /** Of IPv6: IPv4 comes in at it, too. */
  readonly isDual: boolean;
}

const EVERY_4 = "0.0.0.0";
const EVERY_6 = "::";

/**
 * `ListenStream=104` makes a socket of both families: it is what `::` means, and it serves `0.0.0.0`, where `allow` says
 * who may come by IPv6. One for IPv6 alone is less than `::` says, and senders would be missed.
 */
export function fits({ address, isDual }: SocketPlace, host: string): boolean {
  if (host === "localhost") return address === "127.0.0.1" || address === "::1";
  if (isSame(address, EVERY_6)) {
    return isDual && (isSame(host, EVERY_6) || isSame(host, EVERY_4));
  }
  return isSame(address, host);
}

/** However they are written. */
function isSame(one: string, other: string): boolean {
  const [version, wanted] = [isIP(one), isIP(other)];
  if (version === 0 || version !== wanted) return false;
  const family = version === 6 ? "ipv6" : "ipv4";
  const list = new BlockList();
  list.addAddress(one, family);
  return list.check(other, family);
}
