/** `holdfast send`: a test MLLP sender. @module */
import { readFileSync } from "node:fs";
import { HL7_2_5 } from "node-hl7-client/hl7";
import { AgentError, codeOf } from "../errors.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { systemClock } from "../host/clock.ts";
import { splitMessages } from "../ingest/hl7/message-splitter.ts";
import { readMsh } from "../ingest/hl7/msh.ts";
import { type ExchangeTls, MllpExchange } from "./mllp-exchange.ts";
import { escaped, printFacts } from "./terminal.ts";

export interface SendOptions {
  readonly host: string;
  readonly port: number;
  /** One message a file, sent as it is; none: one generated ADT^A01 of a test patient. */
  readonly files: readonly string[];
  /** `undefined`: plain MLLP. */
  readonly tls: ExchangeTls | undefined;
  /** How often the whole list is sent. */
  readonly count: number;
  readonly timeoutMs: number;
  readonly json: boolean;
}

/** What became of one message. */
interface Sent {
  readonly file: string;
  /** Of a batch its first message's. */
  readonly controlId: string;
  /**
   * MSA-1 of the reply, of a batch the first negative one; `06` or `15` in MLLP Release 2; `unreadable`
   * without MSA; `closed` or `timeout` if none came.
   */
  readonly reply: string;
  /** How many acknowledgments the reply holds. */
  readonly acknowledgments: number;
  /** MSA-2 equals MSH-10 byte for byte, of a batch each in its turn. */
  readonly matches: boolean;
  readonly durationMs: number;
}

/** @returns 0 if every reply was positive, 65 if one was negative or did not match, 75 if one is missing */
export async function send(options: SendOptions): Promise<ExitCode> {
  using exchange = await MllpExchange.open(options.host, options.port, options.tls);
  let exit: ExitCode = EXIT.ok;
  for (let round = 0; round < options.count; round++) {
    for (const { file, bytes } of messages(options.files, round)) {
      const sent = await sendOne(exchange, file, bytes, options.timeoutMs);
      printFacts(options.json, sent, () => [
        `${sent.file}: ${escaped(sent.controlId)} ${sent.reply}${sent.matches ? "" : " for another control id"}${sent.acknowledgments > 1 ? ` (${sent.acknowledgments} acknowledgments)` : ""} ${sent.durationMs} ms`,
      ]);
      if (sent.reply === "closed" || sent.reply === "timeout") return EXIT.tryAgain;
      if (!/^(?:[AC]A|06)$/.test(sent.reply) || !sent.matches) exit = EXIT.badData;
    }
  }
  return exit;
}

async function sendOne(
  exchange: MllpExchange,
  file: string,
  bytes: Uint8Array,
  timeoutMs: number,
): Promise<Sent> {
  const startMs = systemClock.monotonicMs();
  const reply = await exchange.send(bytes, timeoutMs);
  const durationMs = Math.round(systemClock.monotonicMs() - startMs);
  const controlIds = controlIdsOf(bytes);
  if (typeof reply === "string") {
    const controlId = controlIds[0] ?? "";
    return { file, controlId, reply, acknowledgments: 0, matches: true, durationMs };
  }
  const found = readMsas(reply);
  const worst = found.find(({ code }) => !/^[AC]A$/.test(code)) ?? found[0];
  const matches = found.every(({ acknowledged }, index) => acknowledged === controlIds[index]);
  return {
    file,
    controlId: controlIds[0] ?? "",
    reply: worst?.code ?? commitCode(reply),
    acknowledgments: found.length,
    matches,
    durationMs,
  };
}

/** MSH-10 of each message of a file; one, empty, where there is none to be read. */
function controlIdsOf(bytes: Uint8Array): string[] {
  const parts = splitMessages(bytes).filter(({ kind }) => kind === "message");
  const found = parts.map(({ start, length }) => {
    const reading = readMsh(bytes.subarray(start, start + length));
    return latin1((reading.kind === "batch" ? undefined : reading.msh)?.field(10) ?? EMPTY);
  });
  return found.length === 0 ? [""] : found;
}

function* messages(
  files: readonly string[],
  round: number,
): Generator<{ readonly file: string; readonly bytes: Uint8Array }> {
  if (files.length === 0) yield { file: "generated", bytes: testMessage(round) };
  for (const file of files) {
    try {
      yield { file, bytes: readFileSync(file) };
    } catch (error) {
      throw notReadable(error);
    }
  }
}

function testMessage(round: number): Uint8Array {
  const controlId = `TEST${systemClock.nowMs().toString(36).toUpperCase()}${round}`;
  const message = new HL7_2_5()
    .buildMSH({
      msh_3: "HOLDFAST",
      msh_4: "TEST",
      msh_9_1: "ADT",
      msh_9_2: "A01",
      msh_10: controlId,
      msh_11_1: "T",
    })
    .buildEVN({ evn_1: "A01" })
    .buildPID({ pid_3: "TEST-0001", pid_5: "TEST^PATIENT" })
    .toMessage();
  return Buffer.from(`${message.toString()}\r`, "utf8");
}

/** MLLP Release 2: one byte, and no HL7. */
function commitCode(reply: Uint8Array): string {
  const [first] = reply;
  if (reply.length === 1 && (first === 0x06 || first === 0x15)) {
    return first === 0x06 ? "06" : "15";
  }
  return "unreadable";
}

function readMsas(reply: Uint8Array): { code: string; acknowledged: string }[] {
  const segments = latin1(reply).split(/[\r\n]/);
  return segments
    .filter((segment) => segment.startsWith("MSA"))
    .map((msa) => {
      const [, code = "none", acknowledged = ""] = msa.split(msa[3] ?? "|");
      return { code, acknowledged };
    });
}

const EMPTY = new Uint8Array(0);
const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1");

function notReadable(cause: unknown): AgentError {
  return new AgentError("FILE_NOT_READABLE", { sysCode: codeOf(cause) }, { cause });
}
