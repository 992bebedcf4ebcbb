/**
 * A CA elsewhere, asked through a program of the operator's: it gets a request (PKCS#10, PEM) on standard
 * input, subject, URI and times as its last four arguments, and answers with PEM on standard output, the agent's
 * own certificate first. `docs/examples/sign-agent.sh` is one with openssl.
 *
 * @module
 */
import { spawn } from "node:child_process";
import { AGENT_LIFETIME_MS, BACKDATED_MS } from "#certs/agent-profile.ts";
import type { AgentRequest } from "#certs/authority.ts";
import { foreignCode, identifierFrom, ReceiverError } from "../errors.ts";
import type { Clock } from "../host/clock.ts";
import { CA_ANSWER_MAX_BYTES, CA_COMMAND_MAX_MS } from "../limits.ts";

/** @returns what the program answered, not looked at @throws {ReceiverError} `CA_FAILED` */
export function signWith(
  [program = "", ...args]: readonly string[],
  request: AgentRequest,
  clock: Clock,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const all = [...args, ...argumentsFor(request)];
    const child = spawn(program, all, { stdio: ["pipe", "pipe", "ignore"] });
    const chunks: Buffer[] = [];
    let bytes = 0;
    const fail = (why: string, cause?: unknown): void => {
      late[Symbol.dispose]();
      child.kill("SIGKILL");
      // What it has started itself finds nobody who reads.
      child.stdout.destroy();
      reject(failed(why, cause));
    };
    const late = clock.after(CA_COMMAND_MAX_MS, () => fail("tooSlow"));
    child.on("error", (error) => fail(foreignCode(error), error));
    child.stdout.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > CA_ANSWER_MAX_BYTES) fail("tooLarge");
      else chunks.push(chunk);
    });
    child.on("close", (code) => {
      late[Symbol.dispose]();
      if (code === 0) resolve(Buffer.concat(chunks).toString("latin1"));
      else fail(`exit${code ?? "signal"}`);
    });
    // One that does not read what it is asked is found by what it answers.
    child.stdin.on("error", () => {});
    child.stdin.end(requestOf(request));
  });
}

/** PKCS#10 in PEM. */
function requestOf({ csr }: AgentRequest): string {
  const lines =
    Buffer.from(csr.der)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  const label = "CERTIFICATE REQUEST";
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}

/** What is to stand in it: the names in the request are not ours. */
function argumentsFor({ trustDomain, tenant, agent, atMs }: AgentRequest): readonly string[] {
  const uri = `spiffe://${trustDomain}/tenant/${tenant}/agent/${agent}`;
  return [`CN=${agent}`, uri, timeOf(atMs - BACKDATED_MS), timeOf(atMs + AGENT_LIFETIME_MS)];
}

/** `YYYY-MM-DDTHH:MM:SSZ` */
const timeOf = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;

function failed(why: string, cause?: unknown): ReceiverError {
  return new ReceiverError("CA_FAILED", { cause, facts: { command: identifierFrom(why) } });
}
