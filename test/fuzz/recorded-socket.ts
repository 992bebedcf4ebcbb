/**
 * A websocket that is not there: it keeps what is sent, and says of everything when it was.
 *
 * @module
 */
import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import type { WebSocket } from "ws";
import { decodeFrame } from "#protocol/codec.ts";
import type { Frame } from "#protocol/frame.ts";

export class RecordedSocket extends EventEmitter {
  readonly OPEN = 1;
  readonly bufferedAmount = 0;
  readonly sent: Frame[] = [];
  readyState = 1;
  closeCode: number | undefined;
  isGone = false;

  /** As the class that it stands for; what is not here is not asked for. */
  asWebSocket(): WebSocket {
    return this as unknown as WebSocket;
  }

  send(bytes: Uint8Array): void {
    assert.ok(this.closeCode === undefined && !this.isGone, "something is sent after the end");
    const frame = decodeFrame(bytes);
    assert.ok(frame !== undefined);
    this.sent.push(frame);
  }

  close(code: number): void {
    this.closeCode ??= code;
    this.readyState = 2;
  }

  terminate(): void {
    this.isGone = true;
    this.readyState = 3;
  }

  resume(): void {}

  get isOver(): boolean {
    return this.closeCode !== undefined || this.isGone;
  }
}

/** The rest of this turn and what it left for the next: answers of a store, calls at its end. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve));
}
