/**
 * `holdfast-receiver agent add TENANT/AGENT`: a token (07 1.4). It is made in this process and nowhere kept:
 * the receiver is told its public key.
 *
 * @module
 */
import { createHash, randomBytes } from "node:crypto";
import { closeSync, fsyncSync, openSync, writeSync } from "node:fs";
import { ed25519Raw } from "#certs/ed25519.ts";
import { formatToken, TOKEN_ID_BYTES, TOKEN_LIFETIME_MS, tokenKey } from "#certs/token.ts";
import { type Configuration, loadConfiguration, readTlsFiles } from "../configuration.ts";
import { foreignCode, ReceiverError } from "../errors.ts";
import { systemClock } from "../host/clock.ts";
import { certificatesIn } from "../identity/agent-cas.ts";
import { ask } from "../local-client.ts";
import type { AgentName } from "../store/store.ts";
import type { Output } from "./output.ts";

const SEED_BYTES = 32;

export async function makeToken(
  output: Output,
  { tenant, name }: AgentName,
  options: { readonly config: string; readonly json?: boolean; readonly out?: string },
): Promise<void> {
  const configuration = loadConfiguration(options.config);
  const { enrolment, stateDir, store } = configuration;
  if (enrolment === undefined) throw new ReceiverError("ENROLMENT_OFF");
  const atMs = systemClock.nowMs();
  // A token names whole seconds.
  const expiresMs = Math.floor((atMs + TOKEN_LIFETIME_MS) / 1_000) * 1_000;
  const token = {
    ...{ url: enrolment.url, tenant, agent: name },
    tokenId: randomBytes(TOKEN_ID_BYTES).toString("hex"),
    seed: new Uint8Array(randomBytes(SEED_BYTES)),
    caSpkiSha256: pinOf(configuration),
    expires: `${new Date(expiresMs).toISOString().slice(0, 19)}Z`,
  };
  const publicKeyHex = Buffer.from(ed25519Raw(tokenKey(token))).toString("hex");
  const made = { tokenIdHex: token.tokenId, publicKeyHex, expiresMs, atMs };
  const text = formatToken(token);
  const file = options.out === undefined ? undefined : openNew(options.out);
  try {
    for await (const _ of ask(stateDir, { ask: "addToken", tenant, name, ...made }, store));
    if (file === undefined) await output.print(text);
    else writeSync(file, `${text}\n`);
  } finally {
    if (file !== undefined) {
      fsyncSync(file);
      closeSync(file);
    }
  }
  if (options.out === undefined) return;
  const said = { agent: `${tenant}/${name}`, file: options.out, expires: token.expires };
  const line = `${said.agent}: one machine may enrol with ${said.file} until ${said.expires}`;
  await output.print(options.json === true ? JSON.stringify(said) : line);
}

/** SHA-256 of the SubjectPublicKeyInfo of the receiver's CA: the agent looks for it in TLS (07 EN2). */
function pinOf({ tls }: Configuration): string {
  const [ca] = certificatesIn(readTlsFiles(tls).ca ?? "", "tls.ca");
  const spki = ca?.publicKey.export({ type: "spki", format: "der" }) ?? Buffer.alloc(0);
  return createHash("sha256").update(spki).digest("hex");
}

/** Before the token is known to anybody: what cannot be written was never made. */
function openNew(path: string): number {
  try {
    return openSync(path, "wx", 0o600);
  } catch (error) {
    const facts = { error: foreignCode(error) };
    throw new ReceiverError("TOKEN_FILE", { cause: error, facts });
  }
}
