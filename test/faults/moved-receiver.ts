/** A pair whose receiver lies in another network than its agent. @module */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createDevelopmentCa } from "#certs/development-ca.ts";
import type { TroubledPair } from "./troubled-pair.ts";

/** The receiver gets an address of its own, and a certificate that names it. */
export async function moveReceiver({ folder, pair }: TroubledPair, address: string): Promise<void> {
  edit(pair.agentConfig, "wss://127.0.0.1", `wss://${address}`);
  edit(pair.receiverConfig, "host: 127.0.0.1", `host: ${address}`);
  const ca = await createDevelopmentCa("Receiver of the test");
  const server = await ca.issueServer([address]);
  writeFileSync(join(folder, "receiver/tls/server.crt"), server.certificatePem);
  writeFileSync(join(folder, "receiver/tls/server.key"), server.privateKeyPem);
  writeFileSync(join(folder, "agent/identity/receiver-ca.crt"), ca.certificatePem);
}

function edit(file: string, from: string, to: string): void {
  const text = readFileSync(file, "utf8");
  assert.ok(text.includes(from));
  writeFileSync(file, text.replace(from, to));
}
