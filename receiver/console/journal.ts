/** What people do at the console, written down for ever: who, what, about which agent, when; never what was typed. @module */
import { identifierFrom, ReceiverError } from "../errors.ts";
import type { Clock } from "../host/clock.ts";
import type { Log } from "../host/log.ts";
import type { ConsoleEntry, ConsoleRecords } from "../store/console.ts";
import { StrangerLog } from "../stranger-log.ts";
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

/** What changes something is never left out of what is written down: too much of it is refused. */
const CHANGES: ReadonlySet<Deed> = new Set<Deed>([
  ...(["sessionEnded", "questionHandedIn", "questionSent", "questionRejected"] as const),
]);
/** Who looks must get in and see, also where nothing more can be written: the process's log has it then. */
const LOOKS: ReadonlySet<Deed> = new Set<Deed>(["signedIn", "viewed"]);
const MINUTE_MS = 60_000;
/** Lines of one person and kind in a minute; of more there is one, which says how many. */
export const LINES_PER_MINUTE = 30;

/** A page that is looked at all night is one line an hour. */
const VIEWED_AGAIN_MS = 3_600_000;
const VIEWS_MAX_COUNT = 10_000;

export class Journal implements AsyncDisposable {
  readonly #records: ConsoleRecords;
  readonly #clock: Clock;
  readonly #unwritten: StrangerLog;
  /** Of this minute, by person and deed. */
  readonly #counts = new Map<string, { readonly entry: ConsoleEntry; count: number }>();
  #minute: Disposable | undefined;
  #summed: Promise<void> = Promise.resolve();
  readonly #views = new Map<string, number>();

  constructor(records: ConsoleRecords, clock: Clock, log: Log) {
    this.#unwritten = new StrangerLog(log, clock);
    this.#records = records;
    this.#clock = clock;
  }

  /**
   * Resolves once it is durable: before that nothing is shown, and nothing done.
   *
   * @throws {ReceiverError} `STORE_FULL`, `CONSOLE_TOO_MUCH`
   */
  async write(
    person: Person,
    action: Deed,
    { agent = "", detail = "" }: About = {},
  ): Promise<void> {
    const { role } = person;
    const who = calledOf(person);
    const entry = { atMs: this.#clock.nowMs(), who, role, action, agent, detail };
    if (this.#isTooMuch(entry, `${person.certificate} ${who} ${role} ${action}`)) {
      if (CHANGES.has(action)) throw new ReceiverError("CONSOLE_TOO_MUCH");
      return;
    }
    const written = await this.#records.addEntry(entry);
    if (written.kind !== "busy") return;
    if (!LOOKS.has(action)) throw new ReceiverError("STORE_FULL");
    const by = person.certificate === "" ? "link" : person.certificate.slice(0, 16);
    this.#unwritten.write("consoleUnwritten", {
      ...{ action: identifierFrom(action), by: identifierFrom(by) },
    });
  }

  /** Counts one. */
  #isTooMuch(entry: ConsoleEntry, key: string): boolean {
    this.#minute ??= this.#clock.after(MINUTE_MS, () => this.#sumUp());
    const { count } = this.#counts.get(key) ?? { count: 0 };
    this.#counts.set(key, { entry, count: count + 1 });
    return count >= LINES_PER_MINUTE;
  }

  #sumUp(): void {
    this.#minute?.[Symbol.dispose]();
    this.#minute = undefined;
    const over = [...this.#counts.values()].filter(({ count }) => count > LINES_PER_MINUTE);
    this.#counts.clear();
    const lines = over.map(({ entry, count }) =>
      this.#records.addEntry({
        ...{ ...entry, agent: "", detail: `and ${count - LINES_PER_MINUTE} more in this minute` },
      }),
    );
    // A line that says how many cannot be told to anybody who waits for it.
    this.#summed = Promise.allSettled([this.#summed, ...lines]).then(() => undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#minute !== undefined) this.#sumUp();
    await this.#summed;
    this.#unwritten[Symbol.dispose]();
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
