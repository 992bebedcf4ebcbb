/**
 * A port with TLS, and certificates of the systems that connect to it: with any subject and alternative
 * names, which the profile of the development CA does not have. Server certificates come from that CA.
 *
 * @module
 */
import "#certs/reflect-metadata.ts";
import { webcrypto } from "node:crypto";
import { once } from "node:events";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect as connectPlain, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ConnectionOptions, connect, type TLSSocket } from "node:tls";
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  type JsonName,
  SubjectAlternativeNameExtension,
  type X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";
import {
  type ListenerTls,
  loadTlsMaterial,
  type Secured,
  secure,
} from "#agent/ingest/mllp/tls-server.ts";
import { createDevelopmentCa, type Validity } from "#certs/development-ca.ts";
import { until } from "./processes.ts";

const P256 = { name: "ECDSA", namedCurve: "P-256" } as const;
const SIGNING = { name: "ECDSA", hash: "SHA-256" } as const;
const DAY_MS = 86_400_000;

export interface PemPair {
  readonly certificatePem: string;
  readonly privateKeyPem: string;
}

export interface ClientOptions extends Validity {
  readonly dns?: readonly string[];
  /** An RSA key of this size instead of one on P-256. */
  readonly rsaBits?: number;
}

export interface TestCa extends PemPair {
  /** A client certificate; the subject in the order given, each part one relative name. */
  issueClient(subject: JsonName, options?: ClientOptions): Promise<PemPair>;
  /** A CA below this one. */
  issueCa(name: string): Promise<TestCa>;
}

interface Issuer {
  readonly certificate: X509Certificate;
  readonly keys: webcrypto.CryptoKeyPair;
}

export function createTestCa(name: string): Promise<TestCa> {
  return testCa(name, undefined);
}

async function testCa(name: string, parent: Issuer | undefined): Promise<TestCa> {
  const keys = await newKeys();
  const extensions = [new BasicConstraintsExtension(true, undefined, true)];
  const certificate = await issued([{ CN: [name] }], keys, parent, extensions, {});
  const own = { certificate, keys };
  return {
    ...(await pemPair(certificate, keys)),
    async issueClient(subject, { dns = [], rsaBits, ...validity } = {}) {
      const clientKeys = await newKeys(rsaBits);
      const clientExtensions = [
        new ExtendedKeyUsageExtension([ExtendedKeyUsage.clientAuth]),
        ...(dns.length === 0
          ? []
          : [
              new SubjectAlternativeNameExtension(
                dns.map((value) => ({ type: "dns" as const, value })),
              ),
            ]),
      ];
      const client = await issued(subject, clientKeys, own, clientExtensions, validity);
      return pemPair(client, clientKeys);
    },
    issueCa: (below) => testCa(below, own),
  };
}

function newKeys(rsaBits?: number): Promise<webcrypto.CryptoKeyPair> {
  const rsa = {
    name: "RSASSA-PKCS1-v1_5",
    hash: "SHA-256",
    publicExponent: new Uint8Array([1, 0, 1]),
    modulusLength: rsaBits ?? 0,
  };
  return webcrypto.subtle.generateKey(rsaBits === undefined ? P256 : rsa, true, ["sign", "verify"]);
}

function issued(
  subject: JsonName,
  keys: webcrypto.CryptoKeyPair,
  parent: Issuer | undefined,
  extensions: readonly Extension[],
  { notBefore, notAfter }: Validity,
): Promise<X509Certificate> {
  return X509CertificateGenerator.create(
    {
      subject,
      issuer: parent?.certificate.subject ?? subject,
      notBefore: notBefore ?? new Date(Date.now() - DAY_MS),
      notAfter: notAfter ?? new Date(Date.now() + 30 * DAY_MS),
      signingAlgorithm: SIGNING,
      publicKey: keys.publicKey,
      signingKey: (parent?.keys ?? keys).privateKey,
      extensions: [...extensions],
    },
    webcrypto,
  );
}

async function pemPair(
  certificate: X509Certificate,
  keys: webcrypto.CryptoKeyPair,
): Promise<PemPair> {
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey));
  return {
    certificatePem: `${certificate.toString("pem")}\n`,
    privateKeyPem: `-----BEGIN PRIVATE KEY-----\n${pkcs8.toString("base64")}\n-----END PRIVATE KEY-----\n`,
  };
}

/** The CA that the clients of `TlsPort` trust, and a server certificate of it. */
export const SERVER_CA = await createDevelopmentCa("Servers");
export const SERVER = await SERVER_CA.issueServer(["localhost", "127.0.0.1"]);

/** The files of a listener in a folder of their own, the key with mode 0600. */
export class TlsFiles implements Disposable {
  readonly certificate: string;
  readonly key: string;
  readonly clientCa: string;
  readonly folder = mkdtempSync(join(tmpdir(), "holdfast-tls-"));

  constructor(pair: PemPair, clientCaPem: string) {
    this.certificate = join(this.folder, "server.crt");
    this.key = join(this.folder, "server.key");
    this.clientCa = join(this.folder, "client-ca.crt");
    writeFileSync(this.certificate, pair.certificatePem);
    writeFileSync(this.key, pair.privateKeyPem, { mode: 0o600 });
    chmodSync(this.key, 0o600);
    writeFileSync(this.clientCa, clientCaPem);
  }

  /** A listener with these files that requires a client certificate. */
  get mutual(): ListenerTls {
    return {
      certificate: this.certificate,
      key: this.key,
      clientCa: this.clientCa,
      clientCertificate: "required",
      allowedSubjects: [],
      pinnedCertificates: [],
      handshakeTimeoutMs: 10_000,
    };
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true });
  }
}

/** A port as the listener opens it: half-open, every connection handed to `secure`. */
export class TlsPort implements AsyncDisposable {
  readonly outcomes: Secured[] = [];
  readonly raws: Socket[] = [];
  readonly #clients: Socket[] = [];
  readonly #server;

  private constructor(tls: ListenerTls) {
    const material = loadTlsMaterial(tls);
    this.#server = createServer({ allowHalfOpen: true }, (raw) => {
      raw.on("error", () => {});
      this.raws.push(raw);
      secure(raw, material, tls, (outcome) => this.outcomes.push(outcome));
    });
  }

  static async open(tls: ListenerTls): Promise<TlsPort> {
    const port = new TlsPort(tls);
    port.#server.listen(0, "127.0.0.1");
    await once(port.#server, "listening");
    return port;
  }

  /** A client that trusts `SERVER_CA`, with `identity` or without a certificate. */
  tls(identity: PemPair | undefined, options: ConnectionOptions = {}): TLSSocket {
    const pair = identity && { cert: identity.certificatePem, key: identity.privateKeyPem };
    return this.#kept(
      connect({
        port: (this.#server.address() as AddressInfo).port,
        host: "127.0.0.1",
        ca: SERVER_CA.certificatePem,
        ...pair,
        ...options,
      }),
    );
  }

  /** A client that knows nothing of TLS. */
  plain(): Socket {
    return this.#kept(connectPlain((this.#server.address() as AddressInfo).port, "127.0.0.1"));
  }

  /** What became of the connections so far, oldest first; waits for `count` of them. */
  async results(count = 1): Promise<string[]> {
    await until(`${count} outcomes`, () => this.outcomes.length >= count);
    return this.outcomes.map((one) => (one.kind === "secured" ? `secured ${one.name}` : one.fault));
  }

  /** The listener's end of the connection that was secured last. */
  async secured(count = 1): Promise<TLSSocket> {
    await this.results(count);
    const last = this.outcomes.at(-1);
    if (last?.kind !== "secured") throw new Error(`not secured: ${last?.fault}`);
    return last.socket;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of [...this.#clients, ...this.raws]) socket.destroy();
    await until("every connection is over", () => this.raws.every(({ closed }) => closed));
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #kept<S extends Socket>(socket: S): S {
    this.#clients.push(socket);
    return socket.on("error", () => {}).resume() as S;
  }
}
