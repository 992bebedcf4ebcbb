/** A folder in which people sign with `holdfast-sign`, as they would type it. @module */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createDevelopmentCa } from "#certs/development-ca.ts";
import { run } from "#documents/cli/program.ts";
import { KEYS, type TestKey } from "./signed-documents.ts";

export interface Ran {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export class SigningDesk implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), "holdfast-sign-"));

  /** With the keys of the vendor and the hospital as `trust1.key.pem`, `trust1.pub.pem` and so on. */
  static async open(): Promise<SigningDesk> {
    const desk = new SigningDesk();
    for (const [role, keys] of Object.entries(KEYS)) {
      for (const [index, key] of keys.entries()) desk.#writeKey(`${role}${index + 1}`, key);
    }
    const ca = await createDevelopmentCa("Receiver CA");
    desk.write("ca.pem", ca.certificatePem);
    return desk;
  }

  #writeKey(name: string, { privateKey, hex }: TestKey): void {
    const pem = privateKey.export({ format: "pem", type: "pkcs8" });
    writeFileSync(this.path(`${name}.key.pem`), pem, { mode: 0o600 });
    this.write(`${name}.hex`, hex);
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  write(name: string, content: string | Uint8Array): void {
    writeFileSync(this.path(name), content);
  }

  writeSecret(name: string, content: string | Uint8Array): void {
    writeFileSync(this.path(name), content, { mode: 0o600 });
  }

  read(name: string): Uint8Array {
    return new Uint8Array(readFileSync(this.path(name)));
  }

  /** Runs it in this process and in the folder; one at a time. */
  async run(...args: readonly string[]): Promise<Ran> {
    const before = process.cwd();
    const lines: string[] = [];
    let stderr = "";
    process.chdir(this.folder);
    try {
      const complain = (text: string): void => {
        stderr += text;
      };
      const status = await run(args, (line) => lines.push(line), complain);
      return { status, stdout: lines.join("\n"), stderr };
    } finally {
      process.chdir(before);
    }
  }

  /** Runs what must succeed. @returns what it printed @throws {Error} otherwise */
  async sign(...args: readonly string[]): Promise<string> {
    const { status, stdout, stderr } = await this.run(...args);
    if (status !== 0) throw new Error(`holdfast-sign ${args.join(" ")}: ${status} ${stderr}`);
    return stdout;
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true });
  }
}

const hexOf = (keys: readonly TestKey[]): string => keys.map(({ hex }) => `'${hex}'`).join(", ");

/** A description of the trust document of `signed-documents.ts`. */
export function trustYaml(more = ""): string {
  return `tenant: north
configEpoch: 1
roles:
  trust: { threshold: 2, keys: [${hexOf(KEYS.trust)}] }
  config: { threshold: 2, keys: [${hexOf(KEYS.config)}] }
  head: { threshold: 1, keys: [${hexOf(KEYS.head)}] }
  command: { threshold: 1, keys: [${hexOf(KEYS.command)}] }
receiverCas: [ca.pem]
supportKey: '${"09".padEnd(64, "0")}'
${more}`;
}

export const ANCHOR_YAML = `threshold: 2\nkeys: [${hexOf(KEYS.trust)}]\n`;
export const HOSPITAL_YAML = `threshold: 2\nkeys: [${hexOf(KEYS.hospital)}]\n`;

export function configYaml(more = "seq: 1\nbase: null\nepoch: 1\n"): string {
  return `tenant: north
agent: ward-1
${more}offerDays: 14
minAgent: 0.1.0
maxAgent: 1.0.0
ticket: CHG-1
body:
  channels:
    - name: adt
      kind: mllp-listener
      port: 2575
`;
}
