/** Everything that can be asked for by a path, each made once for a snapshot. @module */
import type { History } from "../health/history.ts";
import type { Clock } from "../host/clock.ts";
import { isAccepting } from "./accepting.ts";
import { historyColumns } from "./history-section.ts";
import type { Metrics } from "./metrics.ts";
import { page } from "./page.ts";
import type { Snapshot, Snapshots } from "./snapshots.ts";

export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: Uint8Array;
}

const TEXT = "text/plain; charset=utf-8";
const HTML = "text/html; charset=utf-8";
const JSON_TYPE = "application/json; charset=utf-8";

const encoder = new TextEncoder();
const answer = (status: number, type: string, text: string): Answer => ({
  ...{ status, type, body: encoder.encode(text) },
});

type Maker = (snapshot: Snapshot | undefined) => Answer | Promise<Answer>;

export class Pages {
  readonly #snapshots: Snapshots;
  readonly #makers: ReadonlyMap<string, Maker>;
  #metrics: Metrics | undefined;
  /** What was made of the latest snapshot, by path. */
  #made = new Map<string, Promise<Answer>>();
  #madeOf: Snapshot | undefined;

  constructor(snapshots: Snapshots, history: History, clock: Clock) {
    this.#snapshots = snapshots;
    this.#makers = new Map<string, Maker>([
      ["/", (found) => answer(200, HTML, page(found, history).toString())],
      ["/healthz", healthz],
      ["/metrics", (found) => this.#metricsOf(found, clock)],
      ["/status.json", statusJson],
      ["/history.json", () => answer(200, JSON_TYPE, JSON.stringify(historyColumns(history)))],
    ]);
  }

  async answer(path: string): Promise<Answer> {
    const make = this.#makers.get(path);
    if (make === undefined) return answer(404, TEXT, "Nothing is here: see /\n");
    const snapshot = await this.#snapshots.take();
    if (snapshot === undefined) return await make(undefined);
    if (snapshot !== this.#madeOf) {
      this.#made = new Map();
      this.#madeOf = snapshot;
    }
    const known = this.#made.get(path) ?? Promise.resolve(make(snapshot));
    this.#made.set(path, known);
    return await known;
  }

  async #metricsOf(found: Snapshot | undefined, clock: Clock): Promise<Answer> {
    if (found === undefined) return notYet();
    // Loaded by whoever asks: its library takes memory that most agents need not have.
    const { METRICS_CONTENT_TYPE, Metrics } = await import("./metrics.ts");
    this.#metrics ??= new Metrics();
    const text = await this.#metrics.of(found.status, clock.nowMs());
    return answer(200, METRICS_CONTENT_TYPE, text);
  }
}

const notYet = (): Answer => answer(503, TEXT, "storeSilent\n");

function healthz(found: Snapshot | undefined): Answer {
  if (found === undefined || found.isOld) return notYet();
  const accepting = isAccepting(found.status);
  return accepting.isAccepting
    ? answer(200, TEXT, "ok\n")
    : answer(503, TEXT, `${accepting.code}\n`);
}

/** As `holdfast status --json` prints it. */
function statusJson(found: Snapshot | undefined): Answer {
  if (found === undefined) return notYet();
  const withBigints = (_key: string, value: unknown): unknown =>
    typeof value === "bigint" ? Number(value) : value;
  return answer(200, JSON_TYPE, `${JSON.stringify(found.status, withBigints)}\n`);
}
