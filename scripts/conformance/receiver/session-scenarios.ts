import { ERROR_CODE, type Frame, GOAWAY_CODE } from "#protocol/frame.ts";
import {
  FRAME_MAX_BYTES,
  FRAME_MIN_NEGOTIABLE_BYTES,
  HELLO_TIMEOUT_MS,
  MESSAGE_MAX_BYTES,
} from "#protocol/limits.ts";
import { matrixIn } from "#test/protocol/vectors.ts";
import { bytesOf, chunksOf } from "../messages.ts";
import { expect, expectSame, type Scenario } from "../scenario.ts";
import { acked, refused } from "./answers.ts";
import { helloFrame, openFrame, type ReceiverSubject } from "./subject.ts";

interface Versions {
  readonly hellos: readonly {
    readonly name: string;
    readonly minorRange: readonly [number, number];
    readonly capabilities: readonly string[];
    readonly welcome: { readonly minor: number } | null;
  }[];
  readonly upgrades: readonly {
    readonly name: string;
    readonly offered: readonly string[];
    readonly agreed: string | null;
  }[];
}

const VERSIONS = matrixIn<Versions>("versions.json");
const HEARTBEAT_MIN_MS = 5_000;
const HEARTBEAT_MAX_MS = 60_000;
/** On top of a limit of 06: a loaded machine is no violation. */
const SLACK_MS = 10_000;

async function welcomeIsSensible(subject: ReceiverSubject): Promise<void> {
  const { talk, welcome } = await subject.greet({ capabilities: ["partial", "made-up"] });
  await using _ = talk;
  expect(talk.history[0]?.type === "welcome", "WELCOME first", talk.inWords());
  expectSame("minor", welcome.minor, 0, "TP11");
  const unknown = welcome.capabilities.filter((name) => name !== "partial");
  expect(unknown.length === 0, "capabilities that both sides name", unknown.join(), "TP12");
  const { frameLimit, heartbeatMs, upstreamCredit, messageLimit } = welcome;
  expect(
    frameLimit >= FRAME_MIN_NEGOTIABLE_BYTES && frameLimit <= FRAME_MAX_BYTES,
    `a frame limit of 32,768 to ${FRAME_MAX_BYTES}`,
    `${frameLimit}`,
  );
  expect(
    heartbeatMs >= HEARTBEAT_MIN_MS && heartbeatMs <= HEARTBEAT_MAX_MS,
    "a heartbeat of 5 to 60 s",
    `${heartbeatMs} ms`,
    "TP26",
  );
  expect(
    messageLimit > 0 && messageLimit <= MESSAGE_MAX_BYTES,
    "a message limit of up to 512 MiB",
    `${messageLimit}`,
  );
  expect(upstreamCredit >= frameLimit, "credit for a full frame", `${upstreamCredit}`, "TP20");
}

async function sessionsRise(subject: ReceiverSubject): Promise<void> {
  const first = await subject.greet();
  await first.talk.cut();
  const second = await subject.greet();
  await second.talk.cut();
  const [before, after] = [first.welcome.session, second.welcome.session];
  expect(after > before, `a session above ${before}`, `${after}`);
}

async function nothingBeforeHello(subject: ReceiverSubject): Promise<void> {
  const ledger = subject.newLedger("early");
  const early: readonly Frame[] = [
    openFrame(ledger),
    ...chunksOf({ seq: 1n, body: bytesOf("early") }),
    { type: "skip", stream: 1, firstSeq: 1n, lastSeq: 1n, reason: 2, chain: null },
    { type: "ping", stream: 0, nonce: 1 },
    { type: "pong", stream: 0, nonce: 1 },
  ];
  for (const frame of early) {
    await using talk = await subject.dial();
    talk.send(frame);
    await refused(talk, `OUT_OF_ORDER for ${frame.type.toUpperCase()}`, ERROR_CODE.outOfOrder);
  }
  await subject.verify(ledger);
}

async function nothingBeforeWelcome(subject: ReceiverSubject): Promise<void> {
  const ledger = subject.newLedger("impatient");
  await using talk = await subject.dial();
  talk.send(helloFrame(), helloFrame());
  await refused(talk, "OUT_OF_ORDER for a second HELLO", ERROR_CODE.outOfOrder);
  await using late = await subject.stream(ledger);
  late.send(helloFrame());
  await refused(late, "OUT_OF_ORDER for a HELLO later on", ERROR_CODE.outOfOrder);
  await subject.verify(ledger);
}

async function silenceBeforeHello(subject: ReceiverSubject): Promise<void> {
  await using talk = await subject.dial();
  await talk.ended(HELLO_TIMEOUT_MS + SLACK_MS);
}

async function hellos(subject: ReceiverSubject): Promise<void> {
  for (const { name, minorRange, capabilities, welcome } of VERSIONS.hellos) {
    await using talk = await subject.dial();
    talk.send(helloFrame({ minorRange, capabilities }));
    if (welcome === null) {
      const { goaway } = await talk.ended();
      const isVersion = goaway?.code === GOAWAY_CODE.version;
      expect(isVersion, `GOAWAY VERSION for ${name}`, talk.inWords(), "TP11");
      continue;
    }
    const answer = await talk.next("welcome");
    expectSame(`${name}: minor`, answer.minor, welcome.minor, "TP11");
    const foreign = answer.capabilities.filter((one) => !capabilities.includes(one));
    expect(foreign.length === 0, `${name}: only capabilities of HELLO`, foreign.join(), "TP12");
    const isOnce = new Set(answer.capabilities).size === answer.capabilities.length;
    expect(isOnce, `${name}: each capability once`, answer.capabilities.join(), "TP12");
  }
}

async function pingPong(subject: ReceiverSubject): Promise<void> {
  const ledger = subject.newLedger("ping");
  const { talk } = await subject.greet();
  await using _ = talk;
  for (const nonce of [0, 42, Number.MAX_SAFE_INTEGER]) {
    talk.send({ type: "ping", stream: 0, nonce });
    expectSame("PONG with nonce", (await talk.next("pong")).nonce, nonce);
    if (nonce === 0) await subject.open(talk, ledger);
  }
}

async function silentAgent(subject: ReceiverSubject): Promise<void> {
  const { talk, welcome } = await subject.greet();
  await using _ = talk;
  const { heartbeatMs } = welcome;
  await talk.next("ping", heartbeatMs + SLACK_MS);
  await talk.ended(3 * heartbeatMs + SLACK_MS);
}

async function goaway(subject: ReceiverSubject): Promise<void> {
  const ledger = subject.newLedger("goaway");
  const body = bytesOf("in hand while GOAWAY is said");
  await using talk = await subject.stream(ledger);
  talk.send(...chunksOf({ seq: 1n, body }), {
    ...{ type: "goaway", stream: 0, code: GOAWAY_CODE.draining },
  });
  ledger.store(body);
  await acked(talk, ledger);
  talk.socket.close(1000);
  await talk.ended();
  await subject.verify(ledger);
}

async function error(subject: ReceiverSubject): Promise<void> {
  await using talk = await subject.stream(subject.newLedger("error"));
  const from = talk.history.length;
  talk.send({ type: "error", stream: 0, code: ERROR_CODE.malformed });
  await talk.ended();
  const said = talk.history.slice(from).filter(({ type }) => type === "error");
  expect(said.length === 0, "no ERROR in answer to ERROR", "ERROR");
}

async function ackOfNothing(subject: ReceiverSubject): Promise<void> {
  const ledger = subject.newLedger("misplaced");
  const misplaced: readonly Frame[] = [
    {
      type: "welcome",
      stream: 0,
      minor: 0,
      capabilities: [],
      session: 1,
      frameLimit: 65_536,
      heartbeatMs: 10_000,
      upstreamCredit: 0,
      nowMs: 0,
      messageLimit: 1,
      receiverStoreId: new Uint8Array(16),
    },
    { type: "cmd", stream: 0, id: new Uint8Array(16), document: new Uint8Array(0) },
    { type: "cmdDone", stream: 0, id: new Uint8Array(16) },
  ];
  for (const frame of misplaced) {
    await using talk = await subject.stream(ledger);
    talk.send(frame);
    await refused(talk, `OUT_OF_ORDER for ${frame.type.toUpperCase()}`, ERROR_CODE.outOfOrder);
  }
  await subject.verify(ledger);
}

/** TP36, with and without the capability. */
async function answersUnasked(subject: ReceiverSubject): Promise<void> {
  const answer = { type: "cmdResult", stream: 0, id: new Uint8Array(16), result: 0 } as const;
  await using deaf = await subject.stream(subject.newLedger("no-commands"));
  deaf.send(answer);
  await refused(deaf, "OUT_OF_ORDER for CMD_RESULT without commands", ERROR_CODE.outOfOrder);
  const { talk, welcome } = await subject.greet({ capabilities: ["commands"] });
  await using _ = talk;
  if (!welcome.capabilities.includes("commands")) return;
  talk.send(answer);
  const { id } = await talk.next("cmdDone");
  expectSame("id of CMD_DONE", Buffer.from(id).toString("hex"), "00".repeat(16));
}

export const SESSION_SCENARIOS: readonly Scenario<ReceiverSubject>[] = [
  {
    rule: "TP10",
    title: "HELLO is answered WELCOME, with limits inside their bounds",
    run: welcomeIsSensible,
  },
  { rule: "TP10", title: "the session rises with every HELLO", run: sessionsRise },
  { rule: "TP10", title: "anything before HELLO: ERROR OUT_OF_ORDER", run: nothingBeforeHello },
  { rule: "TP10", title: "a second HELLO: ERROR OUT_OF_ORDER", run: nothingBeforeWelcome },
  { rule: "TP10", title: "what only a receiver says: ERROR OUT_OF_ORDER", run: ackOfNothing },
  { rule: "TP10", title: "no HELLO for 10 s: the connection is ended", run: silenceBeforeHello },
  { rule: "TP11", title: "version and capability matrix (vectors)", run: hellos },
  { rule: "TP26", title: "PING is answered with its nonce", run: pingPong },
  {
    rule: "TP26",
    title: "a silent agent is asked, and after three heartbeats dropped",
    run: silentAgent,
  },
  { rule: "TP36", title: "an answer that nobody waits for: CMD_DONE", run: answersUnasked },
  { rule: "TP32", title: "what was sent before GOAWAY is acknowledged", run: goaway },
  { rule: "TP32", title: "ERROR ends the connection without an answer", run: error },
];
