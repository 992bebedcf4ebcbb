/** What only several messages of a sender show: numbers that it leaves out, resends that it did not announce. @module */
import type { WarningName } from "../health/channel-record.ts";
import type { Msh } from "./hl7/msh.ts";
import { senderKeyOf } from "./identify.ts";

/** Senders of one channel, and rows, that are remembered. */
const REMEMBERED_MAX_COUNT = 100;
/** 03 A14. */
const RESENDS_BEFORE_WARNING = 3;
const SEQUENCE_FIELD = 13;

/** MSH-13 of one message with whom it numbers, or `undefined` where there is none to speak of. */
export interface Numbered {
  readonly sender: string;
  readonly number: number;
}

/** Source: HL7 v2.5.1 chapter 2 §2.10.1; 0 and −1 ask to start over, and are no numbers. */
export function numberOf(msh: Msh | undefined): Numbered | undefined {
  const field = msh?.field(SEQUENCE_FIELD);
  if (msh === undefined || field === undefined || field.length === 0 || field.length > 15) {
    return undefined;
  }
  const number = Number(latin1(field));
  if (!Number.isInteger(number) || number <= 0) return undefined;
  return { sender: senderKeyOf(msh), number };
}

/** One channel's senders. */
export class SenderHabits {
  readonly #lastNumbers = new Map<string, number>();
  readonly #unannounced = new Map<number, { peer: string; count: number }>();

  /** 03 D5, for each message that was stored as new. */
  sequence({ sender, number }: Numbered): WarningName | undefined {
    const last = this.#lastNumbers.get(sender);
    remember(this.#lastNumbers, sender, number);
    if (last === undefined || number === last + 1) return undefined;
    return number <= last ? "sequenceRepeated" : "sequenceGap";
  }

  /** 03 A14: a message was stored whose sender had asked for silence. */
  storedInSilence(id: number, peer: string): void {
    remember(this.#unannounced, id, { peer, count: 0 });
  }

  /**
   * 03 A14, for each repeat of a message whose sender had asked for silence.
   *
   * @param id the row of the first copy
   * @param peer `address:port` of the connection: a sender that waits in vain comes back on another one
   */
  repeatedInSilence(id: number, peer: string): WarningName | undefined {
    const known = this.#unannounced.get(id);
    if (known?.peer === peer) return undefined;
    const count = (known?.count ?? 0) + 1;
    remember(this.#unannounced, id, { peer, count });
    return count === RESENDS_BEFORE_WARNING ? "waitsDespiteNever" : undefined;
  }
}

function remember<Key, Value>(map: Map<Key, Value>, key: Key, value: Value): void {
  map.delete(key);
  map.set(key, value);
  const oldest = map.size > REMEMBERED_MAX_COUNT ? map.keys().next().value : undefined;
  if (oldest !== undefined) map.delete(oldest);
}

const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1");
