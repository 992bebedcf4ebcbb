/**
 * Temporary files of a channel: made so that nobody's file is touched, known again after a crash (04 P53, P57).
 *
 * @module
 */
import { AgentError } from "../errors.ts";
import { folderFault } from "./faults.ts";
import type { Folder } from "./folder.ts";
import type { ByteName } from "./names.ts";

/** A new file of the agent, open for writing. */
export interface OpenFile {
  readonly name: ByteName;
  readonly descriptor: number;
}

/** Names that a stranger keeps from being removed are passed over; more of them are no accident. */
const NAMES_MAX_COUNT = 16;

export class TemporaryFiles {
  readonly #prefix: string;
  readonly #suffix: string;
  readonly #mode: number;

  /** @param channel by its name the agent knows its own: no other channel has it */
  constructor(channel: string, suffix: string, mode: number) {
    this.#prefix = `holdfast_${channel}_`;
    this.#suffix = suffix;
    this.#mode = mode;
  }

  /**
   * Makes a file for one message, exclusively and without following links. What a crash has left of the same
   * message goes first.
   *
   * @throws {AgentError} `FOLDER_FAILED`
   */
  create(folder: Folder, key: number | string): OpenFile {
    for (let count = 1; count <= NAMES_MAX_COUNT; count++) {
      const number = count === 1 ? "" : `_${count}`;
      const name = `${this.#prefix}${key}${number}${this.#suffix}`;
      const descriptor =
        folder.create(name, this.#mode) ??
        (isRemoved(folder, name) ? folder.create(name, this.#mode) : undefined);
      if (descriptor !== undefined) return { name, descriptor };
    }
    throw folderFault(folder.role, "create", { code: "EEXIST" });
  }

  /** Removes what a crash has left of any message. @returns how many they were */
  sweep(folder: Folder, touched: () => void): number {
    let removed = 0;
    for (const { name } of folder.list()) {
      touched();
      if (this.#isOwn(name) && isRemoved(folder, name)) removed += 1;
    }
    return removed;
  }

  #isOwn(name: ByteName): boolean {
    const key = name.slice(this.#prefix.length, name.length - this.#suffix.length);
    const isNamed = name.startsWith(this.#prefix) && name.endsWith(this.#suffix);
    return isNamed && /^(?:\d+|look)(?:_\d+)?$/.test(key);
  }
}

/** @returns false if it is still there: what stays is swept at the next start */
export function isRemoved(folder: Folder, name: ByteName): boolean {
  try {
    folder.remove(name);
    return true;
  } catch (error) {
    if (error instanceof AgentError) return false;
    throw error;
  }
}
