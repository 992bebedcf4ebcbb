/**
 * One slot of the identity folder: two private keys, and once a receiver has issued it a certificate with all
 * that belongs to it (07 1.2).
 *
 * @module
 */
import { createPrivateKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { z } from "zod";
import { AGENT_NAME } from "./agent-name.ts";
import { certificateRequest } from "./csr.ts";
import { ed25519Raw } from "./ed25519.ts";
import type { Identity } from "./identity.ts";
import { damaged, type IdentityFolder } from "./identity-folder.ts";
import { firstOf, serialOf } from "./profile.ts";

export interface SlotKeys {
  /** P-256. */
  readonly tls: KeyObject;
  /** Ed25519; absent for an identity that was imported. */
  readonly device: KeyObject | undefined;
}

/** A complete slot, as the tunnel uses it. */
export interface SlotIdentity extends Identity {
  readonly slot: string;
  readonly trustDomain: string;
  readonly tenant: string;
  readonly agent: string;
  /** How often it was renewed, as the receiver counts. */
  readonly generation: number;
  readonly notBeforeMs: number;
  /** As in {@link SlotContent}. */
  readonly trustChain: string;
  readonly keys: SlotKeys;
}

/** What completes a slot. */
export interface SlotContent {
  readonly chainPem: string;
  /** One or more CA certificates, PEM: the only issuers that are accepted for the receiver. */
  readonly receiverCaPem: string;
  /** Envelopes as they came, as JSON. */
  readonly trustChain: string;
  readonly trustDomain: string;
  readonly tenant: string;
  readonly agent: string;
  readonly generation: number;
  readonly serialHex: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

const meta = z.strictObject({
  format: z.literal("holdfast-slot/1"),
  trustDomain: z.string().min(1).max(255),
  tenant: z.string().regex(AGENT_NAME),
  agent: z.string().regex(AGENT_NAME),
  generation: z.int().min(0),
  serial: z.string().regex(/^[0-9a-f]{1,40}$/),
  notBeforeMs: z.int(),
  notAfterMs: z.int(),
  /** 32 bytes, base64; null for an identity that was imported. */
  devicePublicKey: z.string().nullable(),
});
export type SlotMeta = z.infer<typeof meta>;

export class Slot {
  readonly name: string;
  readonly #folder: IdentityFolder;

  constructor(folder: IdentityFolder, name: string) {
    this.#folder = folder;
    this.name = name;
  }

  /**
   * The slot's keys, those that are missing made and flushed: after a crash what is there is used again.
   *
   * @param device the device key that goes on; absent: a new one is made; `null`: there is none
   */
  ensureKeys(device?: KeyObject | null): SlotKeys {
    this.#folder.makeSlot(this.name);
    const tls =
      this.#readKey("tls.key") ??
      this.#writeKey("tls.key", generateKeyPairSync("ec", { namedCurve: "prime256v1" }).privateKey);
    if (device === null) return { tls, device: undefined };
    const own =
      this.#readKey("device.key") ??
      this.#writeKey("device.key", device ?? generateKeyPairSync("ed25519").privateKey);
    return { tls, device: own };
  }

  /**
   * The request for a certificate, made once: a signature of ECDSA is never the same twice, and the receiver knows a
   * repeated request by its digest (07 EN6, N4).
   *
   * @returns DER
   */
  ensureRequest({ tls }: SlotKeys, agent: string): Uint8Array {
    const made = this.#folder.read(this.#in("request.der"));
    if (made !== undefined) return made;
    const request = certificateRequest(tls, agent);
    this.#folder.write(this.#in("request.der"), request);
    return request;
  }

  /** For an identity whose key was made elsewhere. */
  importKey(tls: KeyObject): void {
    this.#folder.makeSlot(this.name);
    this.#writeKey("tls.key", tls);
  }

  /** @returns undefined while no certificate is here @throws {AgentError} `IDENTITY_DAMAGED`, `IDENTITY_FOLDER_UNSAFE` */
  readMeta(): SlotMeta | undefined {
    const text = this.#folder.read(this.#in("meta.json"));
    if (text === undefined) return undefined;
    const read = meta.safeParse(jsonOf(text));
    if (!read.success) throw damaged(this.#in("meta.json"));
    return read.data;
  }

  get isComplete(): boolean {
    return this.readMeta() !== undefined;
  }

  /** N5: everything flushed, `meta.json` last. What was there before is replaced. */
  complete(content: SlotContent): void {
    const { chainPem, receiverCaPem, trustChain, serialHex, ...rest } = content;
    const device = this.#readKey("device.key");
    this.#folder.write(this.#in("chain.pem"), chainPem);
    this.#folder.write(this.#in("receiver-ca.pem"), receiverCaPem);
    this.#folder.write(this.#in("trust.json"), trustChain);
    const { trustDomain, tenant, agent, generation, notBeforeMs, notAfterMs } = rest;
    const said: SlotMeta = {
      format: "holdfast-slot/1",
      ...{ trustDomain, tenant, agent, generation, notBeforeMs, notAfterMs },
      serial: serialHex,
      devicePublicKey: device === undefined ? null : rawText(device),
    };
    this.#folder.write(this.#in("meta.json"), `${JSON.stringify(said, null, 2)}\n`);
  }

  /**
   * Another trust document is in force. The chain goes last: while it is the old one, whoever reads the slot with a
   * newer document at hand writes both again.
   */
  keepTrust({
    receiverCaPem,
    trustChain,
  }: Pick<SlotContent, "receiverCaPem" | "trustChain">): void {
    this.#folder.write(this.#in("receiver-ca.pem"), receiverCaPem);
    this.#folder.write(this.#in("trust.json"), trustChain);
  }

  /** Back to the keys alone: its certificate turned out to be of no use. */
  reopen(): void {
    this.#folder.remove(this.#in("meta.json"));
  }

  /** @throws {AgentError} `IDENTITY_DAMAGED`, `KEK_WRONG`, `IDENTITY_FOLDER_UNSAFE` */
  load(): SlotIdentity {
    const said = this.readMeta();
    const chainPem = this.#text("chain.pem");
    const receiverCaPem = this.#text("receiver-ca.pem");
    const tls = this.#readKey("tls.key");
    const device = this.#readKey("device.key");
    if (said === undefined) throw damaged(this.#in("meta.json"));
    if (tls === undefined) throw damaged(this.#in("tls.key"));
    const certificate = firstOf(chainPem);
    const fits =
      certificate?.checkPrivateKey(tls) === true && serialOf(certificate) === said.serial;
    if (!fits) throw damaged(this.#in("chain.pem"));
    if (firstOf(receiverCaPem) === undefined) throw damaged(this.#in("receiver-ca.pem"));
    const ownDevice = device === undefined ? null : rawText(device);
    if (ownDevice !== said.devicePublicKey) throw damaged(this.#in("device.key"));
    const { trustDomain, tenant, agent, generation, notBeforeMs, notAfterMs, serial } = said;
    return {
      slot: this.name,
      certificatePem: chainPem,
      privateKeyPem: tls.export({ format: "pem", type: "pkcs8" }).toString(),
      ...{ receiverCaPem, notAfterMs, notBeforeMs, serialHex: serial },
      ...{ trustDomain, tenant, agent, generation },
      trustChain: this.#text("trust.json"),
      keys: { tls, device },
    };
  }

  #in(file: string): string {
    return `${this.name}/${file}`;
  }

  #text(file: string): string {
    const bytes = this.#folder.read(this.#in(file));
    if (bytes === undefined) throw damaged(this.#in(file));
    return bytes.toString("utf8");
  }

  #readKey(file: string): KeyObject | undefined {
    const secret = this.#folder.readSecret(this.#in(file));
    if (secret === undefined) return undefined;
    try {
      return createPrivateKey({ key: secret, format: "der", type: "pkcs8" });
    } finally {
      secret.fill(0);
    }
  }

  #writeKey(file: string, key: KeyObject): KeyObject {
    const secret = key.export({ format: "der", type: "pkcs8" });
    this.#folder.writeSecret(this.#in(file), secret);
    secret.fill(0);
    return key;
  }
}

const rawText = (device: KeyObject): string => Buffer.from(ed25519Raw(device)).toString("base64");

function jsonOf(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch {
    return undefined;
  }
}
