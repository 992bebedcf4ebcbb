/**
 * `trust/enrolled`: this machine was enrolled anew, and the agent has not taken note yet. A new enrolment ends a freeze
 * in which neither store nor marks could be read (07 2.12); the device key alone does not tell, for of the one before
 * nothing may be left.
 *
 * Written by `holdfast enroll`, taken away by the agent once it has acted on it.
 *
 * @module
 */
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { flushFolder, makeFolder, replaceFile } from "../host/atomic-file.ts";
import { TRUST_FOLDER } from "./marks-files.ts";

const fileIn = (stateDir: string): string => join(stateDir, TRUST_FOLDER, "enrolled");
const lineOf = (deviceKey: Uint8Array): string => `${Buffer.from(deviceKey).toString("hex")}\n`;

/** @param deviceKey raw, public: of the identity that is to come @throws the operating system's error, untranslated */
export function noteEnrolment(stateDir: string, deviceKey: Uint8Array): void {
  makeFolder(join(stateDir, TRUST_FOLDER), 0o700);
  replaceFile(fileIn(stateDir), lineOf(deviceKey), 0o600);
}

/** @param deviceKey of the identity in use: one that was enrolled, and never came to be used, ends nothing */
export function isNewlyEnrolled(stateDir: string, deviceKey: Uint8Array): boolean {
  try {
    return readFileSync(fileIn(stateDir), "latin1") === lineOf(deviceKey);
  } catch {
    // As a rule there is none; one that cannot be read says nothing.
    return false;
  }
}

/** @throws the operating system's error, untranslated: it counts once more then */
export function forgetEnrolment(stateDir: string): void {
  rmSync(fileIn(stateDir), { force: true });
  flushFolder(join(stateDir, TRUST_FOLDER));
}
