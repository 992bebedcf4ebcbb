/** `holdfast-receiver console link`: lets one person into the console, once, for trials on this machine. @module */
import { loadConfiguration } from "../configuration.ts";
import { PERSON_NAME } from "../console/configuration.ts";
import { isRole } from "../console/roles.ts";
import { keyOf, LINK_MS, newSecret } from "../console/sessions.ts";
import { ReceiverError } from "../errors.ts";
import { systemClock } from "../host/clock.ts";
import { ask } from "../local-client.ts";
import { isLoopback } from "../outlets/loopback.ts";
import type { Output } from "./output.ts";

export interface LinkOptions {
  readonly config: string;
  readonly role: string;
  readonly name: string;
  readonly json?: boolean;
}

/** @throws {ReceiverError} `CONSOLE_OFF`, `CONSOLE_LINK_PLACE`, `CONSOLE_ROLE`, `CONSOLE_LINKS_FULL` */
export async function makeLink(
  output: Output,
  { config, role, name, json }: LinkOptions,
): Promise<void> {
  const { console: configured, stateDir, store } = loadConfiguration(config);
  if (configured === undefined) throw new ReceiverError("CONSOLE_OFF");
  if (!isLoopback(configured.host)) throw new ReceiverError("CONSOLE_LINK_PLACE");
  if (!isRole(role) || !PERSON_NAME.safeParse(name).success) {
    throw new ReceiverError("CONSOLE_ROLE");
  }
  const secret = newSecret();
  const atMs = systemClock.nowMs();
  const question = { ask: "consoleLink", key: keyOf(secret), name, role, atMs } as const;
  for await (const _ of ask(stateDir, question, store));
  const { host, port, tls } = configured;
  const authority = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  const link = `${tls === undefined ? "http" : "https"}://${authority}/enter/${secret}`;
  const expiresAt = new Date(atMs + LINK_MS).toISOString();
  await output.print(json === true ? JSON.stringify({ link, role, name, expiresAt }) : link);
}
