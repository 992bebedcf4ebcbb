/** A machine before its enrolment, and its commands as processes; everything that they say is kept. @module */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemChance } from "#agent/host/clock.ts";
import { createKek, loadKek } from "#agent/sealing/kek.ts";
import { IdentityStore } from "#certs/slots.ts";
import { DEFAULT_KEK_FILE } from "#config/local.ts";
import { programFile } from "#test/support/programs.ts";
import { Started } from "./processes.ts";
import { KEYS } from "./signed-documents.ts";

const MAIN = programFile("agent/main.ts");

export interface Said {
  readonly code: number | null;
  readonly out: string;
  readonly errors: string;
}

export class EnrollingMachine implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), "holdfast-machine-"));
  readonly config = join(this.path, "local.yaml");
  readonly stateDir = join(this.path, "state");
  readonly token = join(this.path, "token");
  readonly anchor = join(this.path, "anchor.json");
  /** Everything that any command has said. */
  said = "";

  /** @param receiver lines of the block `receiver`, two spaces deep, after its `url` */
  constructor(url: URL, receiver = "") {
    mkdirSync(this.stateDir, { mode: 0o700 });
    createKek(join(this.path, DEFAULT_KEK_FILE));
    const [first, second] = KEYS.trust;
    writeFileSync(
      this.anchor,
      JSON.stringify({ keys: [first.hex, second.hex, KEYS.trust[2].hex], threshold: 2 }),
    );
    writeFileSync(
      this.config,
      `stateDir: state
allowVolatileState: true
ballastBytes: 1048576
statusPage: off
receiver:
  url: ${url.href.replace(/\/$/, "")}
${receiver}channels:
  - { name: adt, kind: mllp-listener, host: 127.0.0.1, port: 0 }
`,
    );
  }

  get store(): IdentityStore {
    const file = join(this.path, DEFAULT_KEK_FILE);
    const kek = () => loadKek({ custody: "file", file }, this.stateDir);
    return new IdentityStore({ stateDir: this.stateDir, kek, chance: systemChance });
  }

  start(...args: readonly string[]): Started {
    return new Started([process.execPath, MAIN, ...args, "--config", this.config]);
  }

  /** Runs a command to its end. */
  async run(...args: readonly string[]): Promise<Said> {
    await using program = this.start(...args);
    let out = "";
    program.child.stdout?.setEncoding("utf8").on("data", (part: string) => {
      out += part;
    });
    const { code } = await program.ended;
    this.said += `${out}${program.errors}`;
    return { code, out, errors: program.errors };
  }

  enroll(token: string, ...more: readonly string[]): Promise<Said> {
    writeFileSync(this.token, token, { mode: 0o600 });
    const args = ["--token-file", this.token, "--anchor", this.anchor, ...more];
    return this.run("enroll", ...args);
  }

  read(place: string): string {
    return readFileSync(join(this.path, place), "utf8");
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
