/** Connections that are cut, that are silent, and that end with a word: 06 sections 2, 3, 5, 7 and 8. @module */
import { COMMAND_RESULT, ERROR_CODE, type Frame } from "#protocol/frame.ts";
import { bytesFrom, type FrameVector, vectorsIn } from "#test/protocol/vectors.ts";
import { expect, expectSame, type Scenario } from "../scenario.ts";
import { nameOf } from "../words.ts";
import type { AgentSubject } from "./subject.ts";
import { until } from "./subject.ts";
import type { Visit } from "./visit.ts";

const STICKY_MIN_MS = 150_000;
const STICKY_MAX_MS = 300_000;
/** First delay after GOAWAY (TP27). */
const FIRST_DELAY_MAX_MS = 30_000;
const RETRY_AFTER_S = 20;
const HEARTBEAT_MS = 5_000;

/** Where the line breaks: at a frame of the agent, before or after what a receiver answers. */
const CUTS: readonly {
  readonly name: string;
  readonly at: (frame: Frame) => boolean;
}[] = [
  { name: "HELLO", at: ({ type }) => type === "hello" },
  { name: "OPEN", at: ({ type }) => type === "open" },
  { name: "the first chunk", at: (frame) => frame.type === "data" && frame.first && !frame.last },
  { name: "a later chunk", at: (frame) => frame.type === "data" && !frame.first && !frame.last },
  { name: "the last chunk", at: (frame) => frame.type === "data" && frame.last },
];

function cuts(isAnswered: boolean): Scenario<AgentSubject>["run"] {
  return async (subject) => {
    for (const { at } of CUTS) {
      let doomed: Visit | undefined;
      const breakLine = (visit: Visit, frame: Frame): boolean => {
        // What comes in the last moments of a broken line is heard by nobody.
        if (visit === doomed) return true;
        if (doomed !== undefined || !at(frame)) return false;
        doomed = visit;
        if (isAnswered) visit.oblige(frame);
        // What was answered is sent first: the agent may hear it, or not.
        setImmediate(() => visit.socket.terminate());
        return true;
      };
      await subject.cutAnd(breakLine);
      await subject.send(200_000);
      await subject.settleAfter(() => doomed !== undefined);
    }
    await subject.send();
    await subject.settle();
  };
}

async function pings(subject: AgentSubject): Promise<void> {
  const visit = await subject.streaming();
  for (const nonce of [0, 42, Number.MAX_SAFE_INTEGER]) {
    visit.send({ type: "ping", stream: 0, nonce });
    expectSame("PONG with nonce", (await visit.next("pong")).nonce, nonce);
  }
  await subject.settle();
}

/** TP36, for an agent that takes commands: what nobody signed is refused, and a repeat of it alike. */
async function unsigned(subject: AgentSubject): Promise<void> {
  const visit = await subject.streaming();
  if (visit.hello?.capabilities.includes("commands") !== true) return;
  const id = new Uint8Array(16).fill(0xc0);
  for (let repeat = 0; repeat < 2; repeat++) {
    visit.send({ type: "cmd", stream: 0, id, document: Buffer.from("{}") });
    const answer = await visit.next("cmdResult");
    expectSame("id of CMD_RESULT", Buffer.from(answer.id).toString("hex"), "c0".repeat(16));
    expectSame("result of what nobody signed", answer.result, COMMAND_RESULT.refused);
  }
  visit.send({ type: "cmdDone", stream: 0, id });
  await subject.send();
  await subject.settle();
}

/** A path that swallows everything: the agent asks, and then dials again. */
async function silence(subject: AgentSubject): Promise<void> {
  const visit = await subject.cutAnd((one, frame) => {
    if (frame.type === "hello") one.welcome({ heartbeatMs: HEARTBEAT_MS });
    return frame.type === "hello" || one.streams.size > 0;
  });
  await visit.next("ping", subject.within(2 * HEARTBEAT_MS));
  await visit.ended(subject.within(3 * HEARTBEAT_MS));
  await subject.send();
  await subject.settle();
}

/** Of each kind of vector that is no frame one, unless all are wanted: each costs a reconnect. */
async function malformed(subject: AgentSubject): Promise<void> {
  const all = ["headers.json", "cbor.json", "data.json"]
    .flatMap((file) => [...vectorsIn<FrameVector>(file)])
    .filter((vector) => "error" in vector);
  const vectors = subject.options.everyVector ? all : all.filter((_, index) => index % 12 === 1);
  for (const vector of vectors) {
    if (!("error" in vector)) continue;
    const visit = await subject.streaming();
    visit.sendRaw(bytesFrom(vector.hex));
    const { error, code } = await visit.ended();
    const name = `ERROR ${nameOf(ERROR_CODE, ERROR_CODE[vector.error])} for "${vector.name}"`;
    expect(error?.code === ERROR_CODE[vector.error], name, visit.inWords());
    expectSame("closed with", code, 1002, "TP32");
  }
  await subject.send();
  await subject.settle();
}

async function ignorable(subject: AgentSubject): Promise<void> {
  const visit = await subject.streaming();
  for (const vector of vectorsIn<FrameVector>("headers.json")) {
    if (!("ignored" in vector)) continue;
    visit.sendRaw(bytesFrom(vector.hex));
    visit.send({ type: "ping", stream: 0, nonce: 5 });
    expectSame("PONG with nonce", (await visit.next("pong")).nonce, 5);
  }
  await subject.settle();
}

async function draining(subject: AgentSubject): Promise<void> {
  const visit = await subject.streaming();
  await subject.send(100_000);
  visit.goaway("draining");
  const { code } = await visit.ended(subject.within(10_000));
  expectSame("closed with", code, 1000);
  await subject.send();
  await untilBack(subject, FIRST_DELAY_MAX_MS);
  await subject.settle();
}

async function untilBack(subject: AgentSubject, limitMs: number): Promise<void> {
  const gone = subject.last;
  if (await until(() => subject.last !== gone, subject.within(limitMs))) return;
  expect(false, `the agent back within ${limitMs / 1_000} s`, "it did not come", "TP27");
}

async function shed(subject: AgentSubject): Promise<void> {
  const visit = await subject.streaming();
  let count = 0;
  subject.refuse({
    status: "503 Service Unavailable",
    headers: { "Retry-After": String(RETRY_AFTER_S) },
    heard: () => {
      count += 1;
    },
  });
  await visit.cut();
  await until(() => count > 0, subject.within(60_000));
  const from = performance.now();
  await untilBack(subject, RETRY_AFTER_S * 1_000 + FIRST_DELAY_MAX_MS);
  const waitedMs = (performance.now() - from) * subject.options.clockRate;
  const isPatient = waitedMs >= RETRY_AFTER_S * 950;
  expect(isPatient, `away for ${RETRY_AFTER_S} s`, `back after ${Math.round(waitedMs)} ms`);
  await subject.settle();
}

/** A state that a person must look at: the agent stays away for 150 to 300 s, and keeps its data. */
function sticky(code: "fenced" | "version"): Scenario<AgentSubject>["run"] {
  return async (subject) => {
    const visit = await subject.cutAnd((one, frame) => {
      if (frame.type === "hello") one.goaway(code);
      return frame.type === "hello";
    });
    await visit.ended();
    subject.manner = () => false;
    const from = performance.now();
    await subject.send();
    await untilBack(subject, STICKY_MAX_MS);
    const waitedMs = (performance.now() - from) * subject.options.clockRate;
    const isPatient = waitedMs >= STICKY_MIN_MS * 0.95;
    expect(isPatient, "away for 150 s", `back after ${Math.round(waitedMs / 1_000)} s`, "TP27");
    await subject.settle();
  };
}

export const ENDING_SCENARIOS: readonly Scenario<AgentSubject>[] = [
  { rule: "TP26", title: "PING is answered with its nonce", run: pings },
  { rule: "TP6", title: "an unknown frame that may be ignored is", run: ignorable },
  { rule: "TP36", title: "a command that nobody signed is refused, a repeat alike", run: unsigned },
  { rule: "TP19", title: "cut at every frame, before it is answered", run: cuts(false) },
  { rule: "TP19", title: "cut at every frame, after it is answered", run: cuts(true) },
  {
    rule: "TP26",
    title: "a silent receiver is asked, and after three heartbeats left",
    run: silence,
  },
  { rule: "TP7", title: "what is no frame (vectors): ERROR and the end", run: malformed },
  { rule: "TP32", title: "GOAWAY DRAINING: what is in hand, close 1000, and back", run: draining },
  { rule: "TP5", title: "503 with Retry-After is heeded", run: shed },
  {
    rule: "TP11",
    title: "GOAWAY VERSION: away for 150 to 300 s, nothing lost",
    run: sticky("version"),
  },
  {
    rule: "RI2",
    title: "GOAWAY FENCED: away for 150 to 300 s, nothing lost",
    run: sticky("fenced"),
  },
];
