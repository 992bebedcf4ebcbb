/**
 * Listens, or says why not.
 *
 * @module
 */
import type { Server } from "node:net";
import { foreignCode, ReceiverError } from "./errors.ts";

export interface Address {
  readonly host: string;
  /** 0 for any free one. */
  readonly port: number;
}

/** Resolves once `server` accepts connections. @throws {ReceiverError} `LISTEN_…` */
export function listenTo(server: Server, { host, port }: Address): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error) => reject(listenError(error, port)));
    server.listen({ host, port }, () => {
      server.removeAllListeners("error");
      // Too many open files: the connection is lost, and whoever wanted it comes back.
      server.on("error", () => {});
      resolve();
    });
  });
}

function listenError(error: Error, port: number): ReceiverError {
  const details = { cause: error, facts: { port, error: foreignCode(error) } };
  switch (foreignCode(error)) {
    case "EADDRINUSE":
      return new ReceiverError("LISTEN_PORT_IN_USE", details);
    case "EACCES":
      return new ReceiverError("LISTEN_NOT_PERMITTED", details);
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return new ReceiverError("LISTEN_ADDRESS", details);
    default:
      return new ReceiverError("LISTEN_FAILED", details);
  }
}
