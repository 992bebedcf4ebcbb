/** A folder for `holdfast run` whose channel speaks mutual TLS, and what a client needs to reach it (03 C4). @module */
import { AgentFolder } from "./agent-folder.ts";
import { createTestCa, SERVER, SERVER_CA, TlsFiles } from "./test-certificates.ts";

/** Part of the options of `node:tls`. */
export interface ClientCredentials {
  readonly host: string;
  readonly port: number;
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

export class SecuredAgent implements Disposable {
  readonly folder: AgentFolder;
  readonly credentials: ClientCredentials;
  readonly #files: TlsFiles;

  private constructor(folder: AgentFolder, files: TlsFiles, client: { cert: string; key: string }) {
    this.folder = folder;
    this.#files = files;
    const ca = SERVER_CA.certificatePem;
    this.credentials = { host: "127.0.0.1", port: folder.port, ca, ...client };
  }

  /** Starts nothing; a client without the certificate in `credentials` is refused. */
  static async make(): Promise<SecuredAgent> {
    const ca = await createTestCa("Clients");
    const client = await ca.issueClient([{ CN: ["Lab-1"] }]);
    const files = new TlsFiles(SERVER, ca.certificatePem);
    const { certificate, key, clientCa } = files;
    const tls = `    tls: { certificate: ${certificate}, key: ${key}, clientCa: ${clientCa} }\n`;
    const folder = await AgentFolder.make({ channelYaml: tls });
    return new SecuredAgent(folder, files, {
      cert: client.certificatePem,
      key: client.privateKeyPem,
    });
  }

  [Symbol.dispose](): void {
    this.folder[Symbol.dispose]();
    this.#files[Symbol.dispose]();
  }
}
