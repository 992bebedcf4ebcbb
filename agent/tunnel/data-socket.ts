/** A websocket over TLS as the source of streams sees it. @module */
import type { TLSSocket } from "node:tls";
import type { WebSocket } from "ws";
import type { FrameSink } from "#streams/source/outgoing.ts";

export function dataSocket(webSocket: WebSocket, socket: TLSSocket): FrameSink {
  return {
    get unsentBytes() {
      return webSocket.bufferedAmount;
    },
    send: (frame) => webSocket.send(frame),
    cork: () => socket.cork(),
    uncork: () => socket.uncork(),
  };
}
