/** What came in each hour (03 D4): main-thread face of its part of the store. @module */
import type { HourRange } from "#reconcile/hours.ts";
import type {
  HeldElsewhere,
  HourPage,
  HourPlace,
  HourQuestions,
  Told,
  Unlike,
} from "./hour-messages.ts";

/** The writer thread, as far as hours go. */
export interface HourWriter {
  ask<Name extends keyof HourQuestions>(
    name: Name,
    ask: HourQuestions[Name]["ask"],
  ): Promise<HourQuestions[Name]["answer"]>;
}

export class Hours {
  readonly #writer: HourWriter;
  readonly #nowMs: () => number;

  constructor(writer: HourWriter, nowMs: () => number) {
    this.#writer = writer;
    this.#nowMs = nowMs;
  }

  /** In order of the hour, stretches and counts beside each other; ingest has its turn between pages. */
  async *pages({ fromHour, toHour }: HourRange): AsyncGenerator<HourPage> {
    const hour = fromHour - 1;
    const last = Number.MAX_SAFE_INTEGER;
    let after: HourPlace = { hour, id: last, countHour: hour, countChannel: last };
    for (;;) {
      const page = await this.page(after, toHour);
      yield page;
      if (page.next === undefined) return;
      after = page.next;
    }
  }

  /** One page behind `after`. @param toHour exclusive */
  page(after: HourPlace, toHour: number): Promise<HourPage> {
    return this.#writer.ask("hours", { after, toHour });
  }

  /** Tells the receiver everything up to now; durable here when this resolves. @throws {AgentError} `STORE_*` */
  tell(): Promise<Told | undefined> {
    return this.#writer.ask("tellHours", { nowMs: this.#nowMs() });
  }

  /** @param held at most 1,000 rows, over at most as many numbers */
  compare(held: HeldElsewhere): Promise<readonly Unlike[]> {
    return this.#writer.ask("compareHeld", held);
  }
}
