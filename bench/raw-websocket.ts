/**
 * A websocket server over TLS with client certificates and nothing behind it: what the machine can do
 * at most. Answers "done" to every connection whose last message has come.
 *
 *   node bench/raw-websocket.ts CERTIFICATE KEY CA MESSAGES     prints its port
 *
 * @module
 */
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { WebSocketServer } from "ws";

const [certificate = "", key = "", ca = "", messages = "0"] = process.argv.slice(2);
const server = createServer({
  cert: readFileSync(certificate),
  key: readFileSync(key),
  ca: readFileSync(ca),
  minVersion: "TLSv1.3",
  requestCert: true,
  rejectUnauthorized: true,
});
const sockets = new WebSocketServer({ server, perMessageDeflate: false });
sockets.on("connection", (socket) => {
  let count = 0;
  socket.on("message", () => {
    count += 1;
    if (count === Number(messages)) socket.send("done");
  });
});
server.listen(0, "127.0.0.1", () => {
  console.log(JSON.stringify({ port: (server.address() as AddressInfo).port }));
});
