/** What the service is called on Windows, and where everything of it lies (09 2.1, SV14). @module */
import { win32 } from "node:path";

export const SERVICE_NAME = "Holdfast";
export const SERVICE_TITLE = "Holdfast gateway";
export const SERVICE_TEXT =
  "Takes HL7 messages from this hospital's systems, keeps them, and carries them to the receiver";
export const EVENT_SOURCE = SERVICE_NAME;
/** An account of the service alone: without a password, a logon, or rights in the domain (SV15). */
export const SERVICE_ACCOUNT = `NT SERVICE\\${SERVICE_NAME}`;

export interface WindowsPlaces {
  /** The hospital's file and all below it. */
  readonly folder: string;
  readonly config: string;
  readonly state: string;
  /** The key-encryption key, and while it is replaced the next one (08 2.3). */
  readonly keys: string;
  readonly logs: string;
}

/** On almost every machine. */
const USUAL_PROGRAM_DATA = "C:\\ProgramData";

/** @param programData where programs keep what belongs to no person */
export const windowsPlaces = (programData = USUAL_PROGRAM_DATA): WindowsPlaces =>
  placesOf(win32.join(programData, "Holdfast", "local.yaml"));

/** @param config `local.yaml` of the service */
export function placesOf(config: string): WindowsPlaces {
  const folder = win32.dirname(config);
  return {
    ...{ folder, config },
    state: win32.join(folder, "state"),
    keys: win32.join(folder, "kek"),
    logs: win32.join(folder, "logs"),
  };
}

/** The command that the service manager starts: quoted in every case, or a program `C:\Program.exe` would be started. */
export const imagePath = (program: string, config: string): string =>
  `"${program}" run --service --config "${config}"`;

/** S-1-5-80 and the digest of the name in capitals: so Windows makes it, and so old access lists fit again (PK21). */
export function serviceSid(name: string): string {
  // Not with the rest: each command asks for the usual paths, and this is Node's largest part.
  const { createHash } = process.getBuiltinModule("node:crypto");
  const digest = createHash("sha1").update(Buffer.from(name.toUpperCase(), "utf16le")).digest();
  const parts = [0, 4, 8, 12, 16].map((at) => digest.readUInt32LE(at));
  return `S-1-5-80-${parts.join("-")}`;
}
