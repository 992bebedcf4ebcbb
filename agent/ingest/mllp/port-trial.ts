/**
 * Whether ports can be opened, found by opening them, all at once and for a moment (07 2.10). A system that connects in
 * that moment is hung up on, as by a port that is closed.
 *
 * @module
 */
import { createServer, type Server } from "node:net";
import { AgentError, codeOf, identifierFrom } from "../../errors.ts";
import { LISTEN_FAULTS } from "./listener.ts";

export interface PortToTry {
  readonly channel: string;
  readonly host: string;
  /** 0: the address alone is tried. */
  readonly port: number;
}

/** @returns those that cannot be opened; the first of two that are the same can */
export async function tryPorts(
  ports: readonly PortToTry[],
): Promise<{ readonly channel: string; readonly fault: AgentError }[]> {
  const found: { readonly channel: string; readonly fault: AgentError }[] = [];
  const opened: Server[] = [];
  for (const one of ports) {
    const server = createServer((socket) => {
      socket.on("error", () => {});
      socket.destroy();
    });
    try {
      await listening(server, one);
      opened.push(server);
    } catch (error) {
      found.push({ channel: one.channel, fault: faultOf(one, error) });
    }
  }
  await Promise.all(opened.map(closed));
  return found;
}

const listening = (server: Server, { host, port }: PortToTry): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port, exclusive: true }, () => {
      server.removeAllListeners("error");
      server.on("error", () => {});
      resolve();
    });
  });

const closed = (server: Server): Promise<void> =>
  new Promise((resolve) => server.close(() => resolve()));

function faultOf({ channel, port }: PortToTry, cause: unknown): AgentError {
  const sysCode = codeOf(cause);
  const facts = { channel: identifierFrom(channel), port, sysCode };
  return new AgentError(LISTEN_FAULTS[sysCode] ?? "LISTEN_FAILED", facts, { cause });
}
