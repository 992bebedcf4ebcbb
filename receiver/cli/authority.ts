/** `holdfast-receiver ca create` and `trust import`. @module */
import { mkdirSync, readFileSync } from "node:fs";
import { loadConfiguration } from "../configuration.ts";
import { foreignCode, ReceiverError } from "../errors.ts";
import { systemClock } from "../host/clock.ts";
import { createAuthorityFiles } from "../identity/authority-files.ts";
import { authorityFilesIn } from "../identity/configuration.ts";
import type { ImportedTrust } from "../identity/trust-import.ts";
import { ask } from "../local-client.ts";
import type { CommandOptions } from "./agent.ts";
import type { Output } from "./output.ts";

/** Makes the CA of agents in `stateDir`, or in the files that the configuration names (07 1.3). */
export async function createCa(
  output: Output,
  options: CommandOptions & { readonly name: string },
): Promise<void> {
  const { stateDir, enrolment } = loadConfiguration(options.config);
  const standard = authorityFilesIn(stateDir);
  const ca = enrolment?.ca;
  const named = ca?.kind === "embedded" ? ca : { certificate: undefined, key: undefined };
  const { certificate = standard.certificate, key = standard.key } = named;
  mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  const making = { commonName: options.name, nowMs: systemClock.nowMs() };
  await createAuthorityFiles({ certificate, key }, making);
  const line = `The CA of agents: ${certificate} (for tls.agentCa) and ${key} (secret)`;
  await output.print(options.json === true ? JSON.stringify({ certificate, key }) : line);
}

/** Keeps trust documents, which agents are given when they enrol (07 EN8). */
export async function importTrust(
  output: Output,
  files: readonly string[],
  options: CommandOptions,
): Promise<void> {
  const { stateDir, store } = loadConfiguration(options.config);
  for (const [index, file] of files.entries()) {
    const envelope = read(file).toString("base64");
    const atMs = systemClock.nowMs();
    const question = { ask: "importTrust", envelope, index, atMs } as const;
    for await (const line of ask(stateDir, question, store)) {
      // Our own line, made by `answerTo`.
      const { tenant, version, digest } = JSON.parse(line) as ImportedTrust;
      const text = `${tenant}: trust document ${version}, SHA-256 ${digest}`;
      await output.print(options.json === true ? line : text);
    }
  }
}

function read(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new ReceiverError("TRUST_REFUSED", {
      cause: error,
      facts: { error: foreignCode(error) },
    });
  }
}
