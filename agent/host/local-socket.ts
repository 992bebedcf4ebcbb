/**
 * The local socket: how commands on this machine ask a running agent. One JSON line each way.
 *
 * A Unix socket in the state folder, open to its owner only, and for approvers one in a folder of their group. Nothing
 * outside the machine reaches them. On Windows a named pipe, with an access list of its own.
 *
 * @module
 */
import { chmodSync, rmSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { dirname, join } from "node:path";
import { AgentError, codeOf, identifierFrom } from "../errors.ts";
import { LOCAL_BUNDLE_MAX_BYTES, LOCAL_REQUEST_MAX_BYTES } from "../limits.ts";
import { clearSocket, handToGroup, judgeApproverFolder } from "./approver-folder.ts";
import { guardLocalPipe } from "./windows/local-pipe.ts";

/** Answers one request; what it throws is the defect of the asker or of this agent, told as such. */
export type LocalAnswerer = (request: unknown) => Promise<unknown>;

/** A status names every channel, a trace fifty messages: far below it. */
const ANSWER_MAX_BYTES = 16 * 1024 * 1024;

/** By which a question is known: all commands write `ask` first. */
const BEGIN_BYTES = 64;

const withBigints = (_key: string, value: unknown): unknown =>
  typeof value === "bigint" ? Number(value) : value;

/** Where the socket of a state folder is. Windows has named pipes in a place of their own. */
export function localSocketPath(stateDir: string): string {
  return process.platform === "win32"
    ? `\\\\.\\pipe\\holdfast-${stateDir.replace(/[^A-Za-z0-9]/g, "-")}`
    : join(stateDir, "agent.sock");
}

export class LocalSocket implements AsyncDisposable {
  readonly #server: Server;
  readonly #open = new Set<Socket>();

  private constructor(answer: LocalAnswerer, bundled: readonly string[]) {
    const begins = bundled.map((ask) => `{"ask":${JSON.stringify(ask)},`);
    this.#server = createServer((socket) => {
      this.#open.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => this.#open.delete(socket));
      const maxBytes = (first: string): number =>
        begins.some((begin) => first.startsWith(begin))
          ? LOCAL_BUNDLE_MAX_BYTES
          : LOCAL_REQUEST_MAX_BYTES;
      readLine(socket, maxBytes, (line) => void reply(socket, line, answer));
    });
  }

  /**
   * Opens the socket. A file that a killed agent left is replaced: the store's lock, taken before,
   * says that no other agent is alive here.
   *
   * @param bundled questions that bring a bundle, and may therefore be long
   */
  static async open(
    stateDir: string,
    answer: LocalAnswerer,
    bundled: readonly string[] = [],
  ): Promise<LocalSocket> {
    const path = localSocketPath(stateDir);
    if (process.platform !== "win32") rmSync(path, { force: true });
    const local = new LocalSocket(answer, bundled);
    await local.#listen(path);
    try {
      if (process.platform === "win32") await guardLocalPipe(path);
      else chmodSync(path, 0o600);
    } catch (error) {
      await local[Symbol.asyncDispose]();
      throw error;
    }
    return local;
  }

  /**
   * A second socket, for the group of its folder (`approver-folder.ts`).
   *
   * @throws {AgentError} `APPROVER_SOCKET_UNFIT`: it is not open to them alone, or another agent has it; `LOCAL_SOCKET_FAILED`
   */
  static async openToApprovers(
    path: string,
    answer: LocalAnswerer,
    bundled: readonly string[] = [],
  ): Promise<LocalSocket> {
    const folder = judgeApproverFolder(dirname(path));
    if (folder.kind === "unfit") throw unfit(folder.flaw);
    if (!(await clearSocket(path))) throw unfit("taken");
    const local = new LocalSocket(answer, bundled);
    await local.#listen(path);
    const isTheirs = attempt(() => handToGroup(path, folder.gid));
    if (isTheirs !== true) {
      await local[Symbol.asyncDispose]();
      throw unfit("group");
    }
    return local;
  }

  async #listen(path: string): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", (cause) => {
        reject(new AgentError("LOCAL_SOCKET_FAILED", { sysCode: codeOf(cause) }, { cause }));
      });
      this.#server.listen(path, resolve);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#open) socket.destroy();
    await closed;
  }
}

const unfit = (flaw: string): AgentError =>
  new AgentError("APPROVER_SOCKET_UNFIT", { flaw: identifierFrom(flaw) });

/** @returns `undefined` where it failed: the caller takes that for no */
function attempt<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch {
    return undefined;
  }
}

/**
 * Asks the agent that runs on `stateDir`.
 *
 * @returns what it answers, parsed from JSON
 * @throws {AgentError} `AGENT_NOT_RUNNING` if nobody answers; `AGENT_NOT_REACHABLE` if this account may not ask
 */
export const askLocal = (stateDir: string, request: unknown): Promise<unknown> =>
  askAt(localSocketPath(stateDir), request);

/** The same at one socket. */
export function askAt(path: string, request: unknown): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    const fail = (cause?: Error): void => {
      const facts = cause === undefined ? {} : { sysCode: codeOf(cause) };
      const barred = /^(?:EACCES|EPERM)$/.test(codeOf(cause));
      reject(
        new AgentError(barred ? "AGENT_NOT_REACHABLE" : "AGENT_NOT_RUNNING", facts, { cause }),
      );
    };
    socket.on("error", fail);
    socket.on("close", () => fail());
    socket.on("connect", () => socket.write(`${JSON.stringify(request)}\n`));
    readLine(
      socket,
      () => ANSWER_MAX_BYTES,
      (line) => {
        resolve(JSON.parse(line));
        socket.destroy();
      },
    );
  });
}

async function reply(socket: Socket, line: string, answer: LocalAnswerer): Promise<void> {
  try {
    const found = await answer(JSON.parse(line));
    socket.end(`${JSON.stringify({ answer: found }, withBigints)}\n`);
  } catch (error) {
    const code = error instanceof AgentError ? error.code : codeOf(error);
    socket.end(`${JSON.stringify({ error: code })}\n`);
  }
}

/** Calls `take` with the first line; one that does not end within `maxBytes`, as its beginning says, is cut off. */
function readLine(
  socket: Socket,
  maxBytes: (first: string) => number,
  take: (line: string) => void,
): void {
  let limitBytes = 0;
  const parts: Buffer[] = [];
  let bytes = 0;
  let taken = false;
  socket.on("data", (part: Buffer) => {
    if (taken) return;
    if (parts.length === 0) limitBytes = maxBytes(part.toString("latin1", 0, BEGIN_BYTES));
    parts.push(part);
    bytes += part.length;
    if (part.includes(0x0a)) {
      taken = true;
      take(Buffer.concat(parts).toString("utf8").split("\n", 1)[0] ?? "");
    } else if (bytes > limitBytes) {
      socket.destroy();
    }
  });
}
