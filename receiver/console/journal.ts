/** What people do at the console, written down for ever: who, what, about which agent, when; never what was typed. @module */
import { ReceiverError } from "../errors.ts";
import type { Clock } from "../host/clock.ts";
import type { ConsoleRecords } from "../store/console.ts";
import { calledOf, type Person, type Session } from "./sessions.ts";

export type Deed =
  | "signedIn"
  | "signedOut"
  | "sessionEnded"
  | "viewed"
  | "lookedUp"
  | "compared"
  | "questionHandedIn"
  | "questionSent"
  | "questionFailed"
  | "questionRejected"
  | "answerRead"
  | "logRead"
  | "refused";

export interface About {
  /** TENANT/AGENT. */
  readonly agent?: string;
  /** Codes, numbers and names of ours. */
  readonly detail?: string;
}

/** A page that is looked at all night is one line an hour. */
const VIEWED_AGAIN_MS = 3_600_000;
const VIEWS_MAX_COUNT = 10_000;

export class Journal {
  readonly #records: ConsoleRecords;
  readonly #clock: Clock;
  readonly #views = new Map<string, number>();

  constructor(records: ConsoleRecords, clock: Clock) {
    this.#records = records;
    this.#clock = clock;
  }

  /**
   * Resolves once it is durable: before that nothing is shown, and nothing done.
   *
   * @throws {ReceiverError} `STORE_FULL`
   */
  async write(
    person: Person,
    action: Deed,
    { agent = "", detail = "" }: About = {},
  ): Promise<void> {
    const { role } = person;
    const who = calledOf(person);
    const entry = { atMs: this.#clock.nowMs(), who, role, action, agent, detail };
    const written = await this.#records.addEntry(entry);
    if (written.kind === "busy") throw new ReceiverError("STORE_FULL");
  }

  /** @param page of ours, without what was typed */
  async viewed(session: Session, page: string, agent = ""): Promise<void> {
    const key = `${session.key} ${page} ${agent}`;
    const nowMs = this.#clock.monotonicMs();
    const before = this.#views.get(key);
    if (before !== undefined && nowMs - before < VIEWED_AGAIN_MS) return;
    // Forgotten, they are written once more.
    if (this.#views.size >= VIEWS_MAX_COUNT) this.#views.clear();
    await this.write(session, "viewed", { agent, detail: page });
    this.#views.set(key, nowMs);
  }
}
