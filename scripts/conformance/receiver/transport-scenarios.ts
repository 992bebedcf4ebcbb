/** TLS, the upgrade and the websocket: 06 section 2. @module */
import { setTimeout as pause } from "node:timers/promises";
import { FRAME_MIN_NEGOTIABLE_BYTES } from "#protocol/limits.ts";
import { matrixIn } from "#test/protocol/vectors.ts";
import { ANSWER_MS, Conversation } from "../conversation.ts";
import { bodyOf, chunksOf } from "../messages.ts";
import { expect, expectSame, type Scenario } from "../scenario.ts";
import type { ReceiverSubject } from "./subject.ts";

interface Upgrades {
  readonly upgrades: readonly {
    readonly name: string;
    readonly offered: readonly string[];
    readonly agreed: string | null;
  }[];
}

async function upgrades(subject: ReceiverSubject): Promise<void> {
  for (const { name, offered, agreed } of matrixIn<Upgrades>("versions.json").upgrades) {
    const talk = await subject.knock({ subprotocols: offered });
    if (talk instanceof Conversation) {
      await using _ = talk;
      expect(agreed !== null, `400 for ${name}`, `an upgrade to ${talk.socket.protocol}`);
      expectSame("subprotocol", talk.socket.protocol, agreed);
    } else {
      expect(agreed === null, `an upgrade to ${agreed} for ${name}`, `status ${talk.status}`);
      expectSame(`${name}: status`, talk.status, 400);
    }
  }
}

async function otherPath(subject: ReceiverSubject): Promise<void> {
  const talk = await subject.knock({ path: "/v1/other" });
  if (!(talk instanceof Conversation)) return;
  await using _ = talk;
  expect(false, "no upgrade at another path", "an upgrade");
}

async function noCertificate(subject: ReceiverSubject): Promise<void> {
  const { receiverCaPem } = subject.options.identity;
  const more = { ca: receiverCaPem, cert: undefined, key: undefined };
  const talk = await subject.knock({ more });
  if (!(talk instanceof Conversation)) return;
  await using _ = talk;
  expect(false, "no upgrade without a client certificate", "an upgrade");
}

async function onlyTls13(subject: ReceiverSubject): Promise<void> {
  const talk = await subject.knock({ more: { minVersion: "TLSv1.2", maxVersion: "TLSv1.2" } });
  if (!(talk instanceof Conversation)) return;
  await using _ = talk;
  expect(false, "no TLS 1.2", "an upgrade");
}

async function noExtension(subject: ReceiverSubject): Promise<void> {
  await using talk = await subject.dial({ more: { perMessageDeflate: true } });
  expectSame("websocket extensions", talk.socket.extensions, "");
}

async function textMessage(subject: ReceiverSubject): Promise<void> {
  const ledger = subject.newLedger("text");
  await using talk = await subject.stream(ledger);
  talk.sendRaw("text");
  const { code, error } = await talk.ended();
  expect(error !== undefined, "ERROR for a text message", talk.inWords());
  expect(code === 1002 || code === 1009, "closed with 1002 or 1009", `closed with ${code}`);
  await subject.verify(ledger);
}

async function tooLargeFrame(subject: ReceiverSubject): Promise<void> {
  const ledger = subject.newLedger("oversize");
  const { talk, welcome } = await subject.greet();
  await using _ = talk;
  await subject.open(talk, ledger);
  talk.sendRaw(new Uint8Array(welcome.frameLimit + 1).fill(0x80));
  const { code } = await talk.ended();
  const isLimit = code === 1002 || code === 1009;
  expect(isLimit, "closed with 1009 or 1002", `closed with ${code}`);

  const small = await subject.greet({ frameLimit: FRAME_MIN_NEGOTIABLE_BYTES });
  await using _small = small.talk;
  expectSame("frame limit", small.welcome.frameLimit, FRAME_MIN_NEGOTIABLE_BYTES, "06 3");
  await subject.open(small.talk, ledger);
  // A whole frame of a size that the largest limit would allow.
  const body = bodyOf("oversize", FRAME_MIN_NEGOTIABLE_BYTES);
  small.talk.send(...chunksOf({ seq: 1n, body }));
  const ending = await small.talk.ended();
  expect(ending.code !== 1000, "ERROR LIMIT, or closed with 1009", small.talk.inWords());
  await subject.verify(ledger);
}

async function websocketPing(subject: ReceiverSubject): Promise<void> {
  const { talk } = await subject.greet();
  await using _ = talk;
  let isAnswered = false;
  talk.socket.on("pong", () => {
    isAnswered = true;
  });
  talk.socket.ping();
  for (let waitedMs = 0; !isAnswered && waitedMs < ANSWER_MS; waitedMs += 20) await pause(20);
  expect(isAnswered, "a websocket pong", "none");
}

export const TRANSPORT_SCENARIOS: readonly Scenario<ReceiverSubject>[] = [
  { rule: "TP1", title: "no upgrade at another path", run: otherPath },
  { rule: "TP1", title: "no upgrade without a client certificate", run: noCertificate },
  { rule: "TP1", title: "no TLS 1.2", run: onlyTls13 },
  { rule: "TP2", title: "the subprotocol is agreed, or 400 (vectors)", run: upgrades },
  { rule: "TP3", title: "permessage-deflate is not accepted", run: noExtension },
  { rule: "TP3", title: "a websocket ping is answered", run: websocketPing },
  { rule: "TP3", title: "a text message ends the connection", run: textMessage },
  {
    rule: "TP3",
    title: "a frame above the limit ends the connection, nothing is stored",
    run: tooLargeFrame,
  },
];
