/**
 * What it costs senders that somebody watches: acknowledgments a second with everything on that tells of the agent (its
 * page asked for, `/metrics` scraped each second, a browser on `/events`, every line of the log, audit entries and alarms
 * to a SIEM), beside the same with nobody watching and all of it off.
 *
 * One agent of each kind, in turns, first one first and then the other, so that what the machine does meanwhile hits both.
 *
 * @module
 */

import { readFileSync, writeFileSync } from "node:fs";
import type { Server, Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createServer, type TLSSocket } from "node:tls";
import { createDevelopmentCa } from "#certs/development-ca.ts";
import { quantile } from "./limits.ts";
import { type LoadResult, Rig } from "./rig.ts";
import { type Row, ratio, whole } from "./table.ts";

const CONNECTIONS = [10, 100] as const;
const EVERY_MS = 1_000;
/** Below it nobody would watch. */
const TARGET = 0.95;

type Loads = Readonly<Record<(typeof CONNECTIONS)[number], LoadResult>>;

interface Round {
  readonly watched: Loads;
  readonly alone: Loads;
  /** What was read meanwhile: nothing read, nothing measured. */
  readonly reads: number;
}

/** @param seconds of each load */
export async function measureWatching(
  folder: string,
  rounds: number,
  seconds: number,
): Promise<Row[]> {
  await using siem = await Siem.open(join(folder, "siem"));
  await using alone = await Rig.make(join(folder, "alone"), 2_000, { agentYaml: "" });
  turnOff(alone);
  await using watched = await Rig.make(join(folder, "watched"), 2_000, {
    agentYaml: `siem: { host: 127.0.0.1, port: ${siem.port}, caFile: ${siem.caFile}, content: entries, alarms: true }\n`,
  });
  for (const rig of [alone, watched]) {
    await rig.startAgent();
    await rig.load(10, 1);
  }
  const all: Round[] = [];
  for (let round = 1; round <= rounds; round++) {
    const turns = round % 2 === 0 ? ["alone", "watched"] : ["watched", "alone"];
    const found: Partial<Record<string, Loads>> = {};
    let reads = 0;
    for (const turn of turns) {
      if (turn === "alone") found["alone"] = await loads(alone, seconds);
      else {
        await using watchers = new Watchers(watched.pair.statusPage);
        found["watched"] = await loads(watched, seconds);
        reads += watchers.reads;
      }
    }
    const { alone: without, watched: under } = found;
    if (without === undefined || under === undefined) throw new Error("a turn was left out");
    all.push({ alone: without, watched: under, reads });
    console.error(`round ${round} of ${rounds} done`);
  }
  return CONNECTIONS.map((connections) => rowOf(all, connections));
}

async function loads(rig: Rig, seconds: number): Promise<Loads> {
  return { 10: await rig.load(10, seconds), 100: await rig.load(100, seconds) };
}

function rowOf(all: readonly Round[], connections: (typeof CONNECTIONS)[number]): Row {
  const median = (pick: (round: Round) => number): number => quantile(all.map(pick), 0.5);
  const rate = (of: "watched" | "alone") => median((one) => one[of][connections].perSecond);
  const each = (one: Round): number =>
    one.watched[connections].perSecond / one.alone[connections].perSecond;
  return [
    `acknowledgments/s while watched (page, metrics, events, log, SIEM), ${connections} connections`,
    `${whole(rate("watched"))}, ${whole(median(({ reads }) => reads))} reads a turn`,
    `${whole(rate("alone"))}, nobody watching and all of it off`,
    ratio(median(each)),
    `≥ ${TARGET}`,
  ];
}

/** Without a page; its log goes where nobody reads it, as everywhere. */
function turnOff({ pair }: Rig): void {
  const written = readFileSync(pair.agentConfig, "utf8");
  writeFileSync(pair.agentConfig, written.replace(/^statusPage:.*$/m, "statusPage: off"));
}

/** A person with the page open, and a scraper. */
class Watchers implements AsyncDisposable {
  reads = 0;
  readonly #ending = new AbortController();
  readonly #all: readonly Promise<void>[];

  constructor(page: string) {
    this.#all = [this.#asks(`${page}/`), this.#asks(`${page}/metrics`), this.#hears(page)];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort();
    await Promise.all(this.#all);
  }

  async #asks(url: string): Promise<void> {
    const { signal } = this.#ending;
    while (!signal.aborted) {
      try {
        const response = await fetch(url, { signal });
        await response.text();
        if (!response.ok) throw new Error(`${url}: ${response.status}`);
        this.reads += 1;
        await sleep(EVERY_MS, undefined, { signal });
      } catch (error) {
        if (!signal.aborted) throw error;
      }
    }
  }

  async #hears(page: string): Promise<void> {
    const { signal } = this.#ending;
    try {
      const response = await fetch(`${page}/events`, { signal });
      for await (const _ of response.body ?? []) this.reads += 1;
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }
}

/** A collector that takes everything. */
class Siem implements AsyncDisposable {
  readonly caFile: string;
  readonly #server: Server;
  readonly #open = new Set<Socket>();

  private constructor(server: Server, caFile: string) {
    this.#server = server;
    this.caFile = caFile;
    server.on("secureConnection", (socket: TLSSocket) => {
      this.#open.add(socket);
      socket.on("error", () => {}).on("data", () => {});
    });
  }

  static async open(path: string): Promise<Siem> {
    const ca = await createDevelopmentCa("Collector");
    const { certificatePem, privateKeyPem } = await ca.issueServer(["127.0.0.1"]);
    writeFileSync(`${path}.pem`, ca.certificatePem);
    const server = createServer({ cert: certificatePem, key: privateKeyPem });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new Siem(server, `${path}.pem`);
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#open) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}
