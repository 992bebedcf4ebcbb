/**
 * The kill switch (08 4.3): a file beside the store. It is flushed before `off` returns, survives whatever becomes of
 * the store, and nothing that comes from outside the machine leads here.
 *
 * @module
 */
import { lstatSync, rmSync } from "node:fs";
import { join } from "node:path";
import { AgentError, codeOf } from "../errors.ts";
import { flushFolder, replaceFile } from "../host/atomic-file.ts";

const FILE = "support-off";
const CONTENT = "holdfast support on ends this\n";

export class SupportSwitch {
  readonly #folder: string;
  #isOff: boolean;

  /** Reads what is there: what cannot be told counts as off. */
  constructor(stateDir: string) {
    this.#folder = stateDir;
    this.#isOff = isThere(join(stateDir, FILE));
  }

  get isOff(): boolean {
    return this.#isOff;
  }

  /** It is off at once; durably when this returns. @throws {AgentError} `SUPPORT_SWITCH`: off until the next start */
  off(): void {
    this.#isOff = true;
    try {
      replaceFile(join(this.#folder, FILE), CONTENT, 0o600);
    } catch (error) {
      throw unwritten(error);
    }
  }

  /** @throws {AgentError} `SUPPORT_SWITCH`: it stays off */
  on(): void {
    try {
      rmSync(join(this.#folder, FILE), { force: true });
      flushFolder(this.#folder);
    } catch (error) {
      throw unwritten(error);
    }
    this.#isOff = false;
  }
}

const unwritten = (cause: unknown): AgentError =>
  new AgentError("SUPPORT_SWITCH", { sysCode: codeOf(cause) }, { cause });

function isThere(file: string): boolean {
  try {
    lstatSync(file);
    return true;
  } catch (error) {
    return codeOf(error) !== "ENOENT";
  }
}
