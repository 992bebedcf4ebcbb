/**
 * Whether downstream messages may come. Where room is short they are the first to wait: the receiver keeps them,
 * while a hospital system that is not answered keeps nothing (06 TP34).
 *
 * @module
 */
import { INBOX_ROOM_PERCENT } from "../../limits.ts";
import type { Budget } from "../space/budget.ts";
import type { Chore } from "../writing/chores.ts";
import type { InboxRoomNotice } from "./inbox-messages.ts";

const LOOK_MS = 1_000;
/** Below the limit room counts again. */
const HYSTERESIS_PERCENT = 2;

export interface InboxRoomOptions {
  readonly budget: Budget;
  readonly isDiskLow: () => boolean;
  readonly tell: (notice: InboxRoomNotice) => void;
}

export class InboxRoom implements Chore {
  readonly name = "inboxRoom";
  readonly #options: InboxRoomOptions;
  /** `undefined`: nobody has looked yet. */
  #hasRoom: boolean | undefined;

  constructor(options: InboxRoomOptions) {
    this.#options = options;
  }

  step(): number {
    const { budget, isDiskLow, tell } = this.#options;
    const limit = this.#hasRoom === false ? -HYSTERESIS_PERCENT : 0;
    const hasRoom = !isDiskLow() && budget.standing.percent < INBOX_ROOM_PERCENT + limit;
    if (hasRoom !== this.#hasRoom) {
      this.#hasRoom = hasRoom;
      tell({ notice: "inboxRoom", hasRoom });
    }
    return LOOK_MS;
  }
}
