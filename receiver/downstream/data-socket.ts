/** A websocket as the source of streams sees it. @module */
import type { WebSocket } from "ws";
import type { FrameSink } from "#streams/source/outgoing.ts";

/** @param sent called whenever something was handed to the system: there may be room for more */
export function dataSocket(socket: WebSocket, sent: () => void): FrameSink {
  return {
    get unsentBytes() {
      return socket.bufferedAmount;
    },
    send: (frame) => socket.send(frame, sent),
    cork: () => {},
    uncork: () => {},
  };
}
