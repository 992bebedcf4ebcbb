/** How an agent connects, greets and opens: 06 sections 2, 4 and 5. @module */
import { setTimeout as pause } from "node:timers/promises";
import type { TLSSocket } from "node:tls";
import { ERROR_CODE, OPENED_STATUS, type OpenFrame } from "#protocol/frame.ts";
import { FRAME_MIN_NEGOTIABLE_BYTES, SUBPROTOCOL, WELCOME_TIMEOUT_MS } from "#protocol/limits.ts";
import { matrixIn } from "#test/protocol/vectors.ts";
import { expect, expectSame, type Scenario } from "../scenario.ts";
import type { AgentSubject } from "./subject.ts";
import type { Visit } from "./visit.ts";

interface Welcomes {
  readonly welcomes: readonly {
    readonly name: string;
    readonly minor: number | null;
    readonly capabilities: readonly string[];
    readonly state: string;
  }[];
}

/** How long the other end is watched for something that it must not do. */
const WATCH_MS = 500;

async function upgrade(subject: AgentSubject): Promise<void> {
  const { request } = await subject.streaming();
  const { headers, socket, url } = request;
  expectSame("path", url, "/v1/tunnel", "TP1");
  expectSame("TLS", (socket as TLSSocket).getProtocol(), "TLSv1.3", "TP1");
  const offered = (headers["sec-websocket-protocol"] ?? "").split(",").map((name) => name.trim());
  expect(offered.includes(SUBPROTOCOL), `${SUBPROTOCOL} among the offers`, offered.join(), "TP2");
  const extensions = headers["sec-websocket-extensions"] ?? "";
  expectSame("offered extensions", extensions, "", "TP3");
  await subject.settle();
}

async function hello(subject: AgentSubject): Promise<void> {
  const visit = await subject.cutAnd((_, frame) => frame.type === "hello");
  const frame = await visit.next("hello");
  await pause(WATCH_MS / subject.options.clockRate);
  expectSame("frames before WELCOME", visit.history.length, 1);
  const [lowest, highest] = frame.minorRange;
  expect(lowest <= highest, "a range of minors", `${lowest} to ${highest}`, "TP11");
  const { frameLimit } = frame;
  expect(
    frameLimit >= FRAME_MIN_NEGOTIABLE_BYTES,
    "a frame limit of 32,768 or more",
    `${frameLimit}`,
  );
  visit.welcome();
  await subject.settle();
}

async function noWelcome(subject: AgentSubject): Promise<void> {
  const visit = await subject.cutAnd((_, frame) => frame.type === "hello");
  await visit.ended(subject.within(WELCOME_TIMEOUT_MS));
  await subject.settle();
}

async function welcomes(subject: AgentSubject): Promise<void> {
  for (const vector of matrixIn<Welcomes>("versions.json").welcomes) {
    const { name, minor, capabilities, state } = vector;
    // Without a common minor there is no WELCOME but GOAWAY: that one is among the sticky states.
    if (minor === null) continue;
    const visit = await subject.cutAnd((one, frame) => {
      if (frame.type === "hello") one.welcome({ minor, capabilities });
      return frame.type === "hello";
    });
    if (state === "streaming") await visit.next("open");
    else {
      await visit.ended();
      const isOpened = visit.history.some(({ type }) => type === "open");
      expect(!isOpened, `no OPEN for ${name}`, visit.inWords(), "TP11");
    }
    await subject.settle();
  }
}

async function noDataBeforeOpened(subject: AgentSubject): Promise<void> {
  const opens: { readonly visit: Visit; readonly frame: OpenFrame }[] = [];
  await subject.cutAnd((visit, frame) => {
    if (frame.type !== "open") return false;
    opens.push({ visit, frame });
    return true;
  });
  await subject.send();
  await pause(WATCH_MS);
  subject.judge();
  const channels = opens.map(({ frame }) => frame.channel);
  expect(new Set(channels).size === channels.length, "each channel once", channels.join());
  for (const { visit, frame } of opens) visit.opened(frame);
  await subject.settle();
}

/** A channel that is not served: nothing flows, and it is asked again after the given time. */
function notServed(status: "unknown" | "held"): Scenario<AgentSubject>["run"] {
  return async (subject) => {
    let refusals = 0;
    await subject.cutAnd((visit, frame) => {
      if (frame.type !== "open" || refusals > 0) return false;
      refusals += 1;
      visit.opened(frame, {
        ...{ status: OPENED_STATUS[status], credit: {}, lastSeq: 0n, chain: null },
        retryAfterMs: 1_000,
      });
      return true;
    });
    await subject.send();
    await subject.settle();
  };
}

async function misplaced(subject: AgentSubject): Promise<void> {
  const visit = await subject.cutAnd((one, frame) => {
    if (frame.type !== "hello") return false;
    one.send({ type: "ack", stream: 1, epoch: 1n, lastSeq: 1n, credit: {} });
    return true;
  });
  const { error, code } = await visit.ended();
  expect(error?.code === ERROR_CODE.outOfOrder, "ERROR OUT_OF_ORDER", visit.inWords());
  expectSame("closed with", code, 1002, "TP32");
  await subject.settle();
}

export const GREETING_SCENARIOS: readonly Scenario<AgentSubject>[] = [
  { rule: "TP2", title: "TLS 1.3, path, subprotocol, and no extension", run: upgrade },
  { rule: "TP10", title: "HELLO first, and nothing else before WELCOME", run: hello },
  { rule: "TP10", title: "ACK before WELCOME: ERROR OUT_OF_ORDER", run: misplaced },
  { rule: "TP10", title: "no WELCOME for 10 s: the agent hangs up and comes back", run: noWelcome },
  { rule: "TP11", title: "WELCOME of each kind (vectors)", run: welcomes },
  {
    rule: "TP14",
    title: "no DATA before OPENED, each channel once, on an odd stream",
    run: noDataBeforeOpened,
  },
  { rule: "TP16", title: "OPENED UNKNOWN: no DATA, asked again later", run: notServed("unknown") },
  { rule: "TP16", title: "OPENED HELD: no DATA, asked again later", run: notServed("held") },
];
