/** What a service is registered with, as Windows's functions take it (09 SV14). Layouts of winsvc.h for 64 bits. @module */
import type Koffi from "koffi";
import { SERVICE_TEXT } from "./names.ts";
import { wide } from "./native.ts";

/** SERVICE_CONFIG_…. */
const LEVEL = {
  description: 1,
  failureActions: 2,
  delayedStart: 3,
  failureFlag: 4,
  sidType: 5,
  privileges: 6,
  preshutdown: 7,
} as const;

export type SidType = "restricted" | "unrestricted";
const SID_TYPES: Readonly<Record<SidType, number>> = { restricted: 3, unrestricted: 1 };

const DAY_SECONDS = 86_400;
/** After the first end, the second, and each further one. */
const RESTART_AFTER_MS = [5_000, 30_000, 300_000];
const SC_ACTION_RESTART = 1;
/** So that folders can be walked to which the account has no right; nothing else is left to it. */
const PRIVILEGES = ["SeChangeNotifyPrivilege"];
const PRESHUTDOWN_MS = 60_000;

export interface ConfigLevel {
  readonly name: string;
  readonly level: number;
  readonly content: Buffer;
  /** Read through addresses in `content`: they must live as long. */
  readonly held: readonly Buffer[];
}

export function configLevels(koffi: typeof Koffi, sidType: SidType): readonly ConfigLevel[] {
  const number = (value: number): Buffer => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(value);
    return bytes;
  };
  const pointer = (to: Buffer): Buffer => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(koffi.address(to));
    return bytes;
  };
  const text = wide(SERVICE_TEXT);
  const privileges = Buffer.concat([...PRIVILEGES.map(wide), wide("")]);
  const actions = Buffer.concat(
    RESTART_AFTER_MS.flatMap((afterMs) => [number(SC_ACTION_RESTART), number(afterMs)]),
  );
  // SERVICE_FAILURE_ACTIONSW: a message and a command of none, and the actions.
  const failure = Buffer.alloc(40);
  failure.writeUInt32LE(DAY_SECONDS, 0);
  failure.writeUInt32LE(RESTART_AFTER_MS.length, 24);
  pointer(actions).copy(failure, 32);
  const levels = {
    description: pointer(text),
    failureActions: failure,
    // A service that ends with an exit code has failed, too.
    failureFlag: number(1),
    delayedStart: number(1),
    sidType: number(SID_TYPES[sidType]),
    privileges: pointer(privileges),
    preshutdown: number(PRESHUTDOWN_MS),
  };
  const held = [text, privileges, actions];
  return Object.entries(levels).map(([name, content]) => ({
    ...{ name, content, held },
    level: LEVEL[name as keyof typeof LEVEL],
  }));
}
