/** `holdfast listen`: a test MLLP endpoint that answers, and shows what came. @module */
import { createHash } from "node:crypto";
import { mkdirSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { AgentError, codeOf } from "../errors.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { createFile } from "../host/atomic-file.ts";
import { systemClock, type Timer } from "../host/clock.ts";
import { ACK_REASONS, buildAcknowledgment } from "../ingest/hl7/acknowledgment.ts";
import { readMsh } from "../ingest/hl7/msh.ts";
import { ReplyStamps } from "../ingest/identify.ts";
import { type BlockEvent, BlockReader } from "../ingest/mllp/block-reader.ts";
import { framed } from "../ingest/mllp/framed.ts";
import { LISTEN_FAULTS } from "../ingest/mllp/listener.ts";
import { BLOCK_MAX_CEILING_BYTES, END_OF_BLOCK_WAIT_MS } from "../limits.ts";
import { escaped, printFacts } from "./terminal.ts";

export type TestReply = "AA" | "AE" | "AR" | "none";

export interface ListenOptions {
  readonly host: string;
  readonly port: number;
  readonly reply: TestReply;
  readonly delayMs: number;
  /** Where every message is written as it came, one file each; `undefined`: nowhere. */
  readonly folder: string | undefined;
  readonly json: boolean;
  readonly stop: Promise<void>;
}

/** Runs until it is told to stop. @throws {AgentError} `LISTEN_*` */
export async function listen(options: ListenOptions): Promise<ExitCode> {
  if (options.folder !== undefined) mkdirSync(options.folder, { recursive: true });
  const stamps = new ReplyStamps(systemClock);
  let count = 0;
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => {});
    open.add(socket);
    socket.on("close", () => open.delete(socket));
    serve(socket, (block) => {
      count += 1;
      return take(options, block, count, stamps);
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause) => reject(listenFault(cause)));
    server.listen(options.port, options.host, resolve);
  });
  console.log(JSON.stringify({ listening: server.address() }));
  await options.stop;
  server.close();
  // A sender that stays connected must not keep this process alive.
  for (const socket of open) socket.destroy();
  return EXIT.ok;
}

function serve(
  socket: Socket,
  answer: (block: Uint8Array) => Promise<Uint8Array | undefined>,
): void {
  const reader = new BlockReader({
    blockMaxBytes: BLOCK_MAX_CEILING_BYTES,
    lenientEnd: true,
    spoolThresholdBytes: BLOCK_MAX_CEILING_BYTES,
  });
  let turn = Promise.resolve();
  let silence: Timer | undefined;
  const take = (events: readonly BlockEvent[]): void => {
    silence?.[Symbol.dispose]();
    silence = reader.awaitsEnd
      ? systemClock.after(END_OF_BLOCK_WAIT_MS, () => take(reader.silence()))
      : undefined;
    for (const event of events) {
      if (event.kind !== "block") continue;
      const block = new Uint8Array(event.bytes);
      turn = turn.then(async () => {
        const reply = await answer(block);
        if (reply !== undefined && socket.writable) socket.write(framed(reply));
      });
    }
  };
  socket.on("data", (chunk: Buffer) => take(reader.push(chunk)));
  socket.on("end", () => {
    take(reader.end());
    turn = turn.then(() => void socket.end());
  });
}

async function take(
  options: ListenOptions,
  block: Uint8Array,
  index: number,
  stamps: ReplyStamps,
): Promise<Uint8Array | undefined> {
  const reading = readMsh(block);
  const msh = reading.kind === "batch" ? undefined : reading.msh;
  const controlId = Buffer.from(msh?.field(10) ?? []).toString("latin1");
  const facts = {
    index,
    controlId,
    type: Buffer.from(msh?.field(9) ?? []).toString("latin1"),
    bytes: block.length,
    sha256: createHash("sha256").update(block).digest("hex"),
  };
  if (options.folder !== undefined) {
    // The time in the name: a folder that was used before is added to.
    const name = `${systemClock.nowMs()}-${String(index).padStart(6, "0")}.hl7`;
    createFile(join(options.folder, name), block, 0o600);
  }
  printFacts(options.json, facts, () => [
    `${index}: ${escaped(controlId)} ${escaped(facts.type)} ${facts.bytes} bytes ${facts.sha256.slice(0, 16)}`,
  ]);
  await new Promise<void>((resolve) => void systemClock.after(options.delayMs, resolve));
  if (options.reply === "none") return undefined;
  return buildAcknowledgment({
    msh,
    code: options.reply,
    reason: options.reply === "AA" ? undefined : ACK_REASONS.cannotStore,
    timestamp: stamps.timestamp(),
    controlId: stamps.controlId(),
  });
}

function listenFault(cause: unknown): AgentError {
  const sysCode = codeOf(cause);
  const code = LISTEN_FAULTS[sysCode] ?? "LISTEN_FAILED";
  return new AgentError(code, { sysCode }, { cause });
}
