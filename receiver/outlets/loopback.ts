/** Messages leave encrypted, unless they do not leave the machine. @module */
import { isIP } from "node:net";

/** @param host as in a URL, or without the brackets of an IPv6 address */
export function isLoopback(host: string): boolean {
  if (host === "localhost" || host === "[::1]" || host === "::1") return true;
  return isIP(host) === 4 && host.startsWith("127.");
}
