/** A loopback port that nobody uses at the moment. @module */
import { once } from "node:events";
import { createServer } from "node:net";

/**
 * Below the ports that systems give to `listen(0)` and to outgoing connections (Linux from 32,768, Windows
 * from 49,152): a port that a test closes for a while must still be free when it is opened again.
 */
const FIRST_PORT = 20_000;
const PORTS = 12_700;
/** Each process begins at a place of its own and goes on from there: of several that look at once, none finds another's. */
const STEP = 100;

let next = process.pid * STEP;

export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST_PORT + (next++ % PORTS);
    const server = createServer().listen(port, "127.0.0.1");
    try {
      await once(server, "listening");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
      continue;
    }
    server.close();
    await once(server, "close");
    return port;
  }
}
