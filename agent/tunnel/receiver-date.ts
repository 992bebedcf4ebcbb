/** What time it is at the receiver, by the `Date` of an answer (RFC 9110 section 6.6.1). Begins no session. @module */
import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { type DialOptions, secured } from "./dial.ts";
import { stepFault, upgradeFault } from "./dial-faults.ts";
import { PhaseLimit } from "./phase-limit.ts";

/**
 * Asks for a page that no receiver has: what it answers does not matter, and when it does.
 *
 * @returns by how much the receiver's clock is ahead of ours, ms, give or take a second and half the way;
 *   `undefined` if it does not say
 * @throws {AgentError} one of `agent/tunnel-errors.ts`
 */
export async function receiverAheadMs(options: DialOptions): Promise<number | undefined> {
  const socket = await secured({ ...options, onStep: undefined });
  using limit = new PhaseLimit(options);
  const asked = request({
    method: "GET",
    path: "/",
    headers: { Host: options.receiverUrl.host, Connection: "close" },
    // No `agent`: with one, Node would make a connection of its own, with other TLS settings.
    createConnection: () => socket,
  });
  asked.on("error", () => {});
  try {
    const sentMs = options.clock.nowMs();
    asked.end();
    const [response] = (await once(asked, "response", { signal: limit.signal })) as [
      IncomingMessage,
    ];
    const theirsMs = Date.parse(response.headers.date ?? "");
    const oursMs = (sentMs + options.clock.nowMs()) / 2;
    // It is cut to whole seconds: in the mean, half a one is missing.
    return Number.isNaN(theirsMs) ? undefined : Math.round(theirsMs + 500 - oursMs);
  } catch (cause) {
    throw stepFault(limit, cause, "TUNNEL_UPGRADE_TIMEOUT", upgradeFault);
  } finally {
    asked.destroy();
    socket.destroy();
  }
}
