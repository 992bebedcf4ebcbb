/** One TCP connection to a host by name or address. @module */
import { once } from "node:events";
import { connect, isIP, type LookupFunction, type Socket } from "node:net";
import { ADDRESS_ATTEMPT_MS } from "../limits.ts";
import { nameFault, stepFault, tcpFault } from "./dial-faults.ts";
import { PhaseLimit, type Waiting } from "./phase-limit.ts";

export interface TcpOptions extends Waiting {
  readonly host: string;
  readonly port: number;
  /** Instead of the system's resolver. */
  readonly lookup?: LookupFunction | undefined;
  readonly onResolved?: (() => void) | undefined;
}

/**
 * Resolves and connects; ten seconds together. Of several addresses each gets its turn.
 *
 * @returns a socket that nobody reads from yet
 * @throws {AgentError} `TUNNEL_NAME_UNKNOWN`, `TUNNEL_DNS_AWAY`, a `TUNNEL_TCP_…`, or `TUNNEL_UNREACHABLE`
 */
export async function openTcp(options: TcpOptions): Promise<Socket> {
  const { host, port, lookup, onResolved } = options;
  using limit = new PhaseLimit(options);
  const socket = connect({
    ...{ host, port, noDelay: true },
    // Node's 250 ms would cut off every attempt on a slow line.
    autoSelectFamilyAttemptTimeout: ADDRESS_ATTEMPT_MS,
    ...(lookup === undefined ? {} : { lookup }),
  });
  socket.on("error", () => {});
  let resolved = isIP(host) !== 0;
  if (resolved) onResolved?.();
  socket.on("lookup", (error: Error | null) => {
    if (error !== null || resolved) return;
    resolved = true;
    onResolved?.();
  });
  try {
    await once(socket, "connect", { signal: limit.signal });
    return socket;
  } catch (cause) {
    socket.destroy();
    if (resolved) throw stepFault(limit, cause, "TUNNEL_TCP_TIMEOUT", tcpFault);
    throw stepFault(limit, cause, "TUNNEL_DNS_AWAY", nameFault);
  }
}
