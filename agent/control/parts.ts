/** Each part of a bundle, made of facts that are named here (08 5.1, 5.3). @module */
import { arch, availableParallelism, freemem, loadavg, platform, release, totalmem } from "node:os";
import { getHeapStatistics } from "node:v8";
import { type Identifier, identifierFrom } from "../errors.ts";
import { type Answer, type AnswerFact, nameFact, timeFact } from "./answer.ts";
import type { PartName } from "./bundle-parts.ts";
import type { ControlFacts } from "./facts.ts";
import { EVENTS_SHOWN_MAX_COUNT, eventsAnswer } from "./operations/events.ts";
import { clockAnswer, diskAnswer } from "./operations/machine.ts";
import { outboxAnswer, statusAnswer } from "./operations/status.ts";
import { configurationAnswer, listenersAnswer } from "./operations/structure.ts";
import type { Tokens } from "./tokens.ts";

type Part = (facts: ControlFacts, tokens: Tokens) => Answer | Promise<Answer>;

export const PARTS: { readonly [Name in PartName]: Part } = {
  versions: async ({ status }) => ({
    holdfast: nameFact((await status()).version),
    ...Object.fromEntries(
      COMPONENTS.map((name) => [name, nameFact(process.versions[name] ?? "absent")]),
    ),
  }),
  configuration: ({ configuration }, tokens) => configurationAnswer(configuration(), tokens),
  transitions: async ({ transitions }) =>
    (await transitions()).map(({ atMs, action, subject, decision }) => ({
      ...{ at: timeFact(atMs), action: nameFact(action) },
      ...{ subject: digestFact(subject), decision: wordFact(decision) },
    })),
  certificates: ({ certificates }, tokens) =>
    certificates().map(({ use, serial, notBeforeMs, notAfterMs, fingerprint, issuer }) => ({
      ...{ use: identifierFrom(use), serial: nameFact(serial), issuer: tokens.of(issuer) },
      ...{ notBefore: timeFact(notBeforeMs), notAfter: timeFact(notAfterMs) },
      fingerprint: nameFact(fingerprint),
    })),
  machine: async ({ disk }) => ({
    ...{ platform: nameFact(platform()), release: nameFact(release()), arch: nameFact(arch()) },
    ...{ cpuCount: availableParallelism(), memoryBytes: totalmem(), freeMemoryBytes: freemem() },
    ...{ load: loadavg(), disk: diskAnswer(await disk()) },
  }),
  clock: ({ clock }) => clockAnswer(clock()),
  states: async ({ status }, tokens) => {
    const found = await status();
    return { status: statusAnswer(found), listeners: listenersAnswer(found, tokens) };
  },
  counters: async ({ status }) => outboxAnswer(await status()),
  events: ({ events }, tokens) => eventsAnswer(events().slice(-EVENTS_SHOWN_MAX_COUNT), {}, tokens),
  process: () => processAnswer(),
  audit: async ({ audit }) => {
    const { seq, hash, envelope } = await audit();
    const head = identifierFrom(Buffer.from(hash).toString("hex"));
    return { seq, head, proof: envelope === undefined ? [] : pieces(envelope) };
  },
};

const COMPONENTS = ["node", "v8", "uv", "openssl", "zlib", "modules"] as const;

/** What `process.report` has of memory and resources, read where it takes it from: the report itself holds more. */
function processAnswer(): Answer {
  const numbers = (all: object): { readonly [name: string]: AnswerFact } =>
    Object.fromEntries(
      Object.entries(all).flatMap(([name, value]): [string, number][] =>
        typeof value === "number" ? [[name, value]] : [],
      ),
    );
  return {
    memory: numbers(process.memoryUsage()),
    heap: numbers(getHeapStatistics()),
    resources: numbers(process.resourceUsage()),
    upSeconds: Math.round(process.uptime()),
  };
}

/** Of what else an entry may name, nothing. */
const digestFact = (text: string | undefined): AnswerFact =>
  text !== undefined && /^[0-9a-f]{64}$/.test(text) ? identifierFrom(text) : null;

/** States and codes are one word. */
const wordFact = (text: string | undefined): AnswerFact =>
  text !== undefined && /^[A-Za-z_]{1,40}$/.test(text) ? identifierFrom(text) : null;

const PIECE_CHARACTERS = 64;

/** The envelope of a head, which the agent has written and signed itself: hexadecimal, in pieces that an identifier holds. */
function pieces(envelope: Uint8Array): Identifier[] {
  const text = Buffer.from(envelope).toString("hex");
  const all: Identifier[] = [];
  for (let at = 0; at < text.length; at += PIECE_CHARACTERS) {
    all.push(identifierFrom(text.slice(at, at + PIECE_CHARACTERS)));
  }
  return all;
}
