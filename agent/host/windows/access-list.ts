/**
 * Access lists in the language of security descriptors (SDDL): what ours say, and what is wrong with one that was found
 * (09 SV16). Pure.
 *
 * @module
 */

/** Full access; reading and running; these, writing and deleting. */
const FULL = "FA";
const READ = "0x1200a9";
const MODIFY = "0x1301bf";
/** For files and folders below, too. */
const INHERITED = "OICI";

const SYSTEM = "SY";
const ADMINISTRATORS = "BA";
const CREATOR_OWNER = "CO";
const TRUSTED_INSTALLER = "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464";

/** Owned by the administrators, nothing inherited: the system and they may everything. @param accounts SIDs of the service */
export function folderSecurity(accounts: readonly string[], may: "read" | "modify"): string {
  const rights = may === "read" ? READ : MODIFY;
  const entries = [
    ...[SYSTEM, ADMINISTRATORS].map((sid) => entry(FULL, sid)),
    ...accounts.map((sid) => entry(rights, sid)),
  ];
  return `O:BAG:BAD:PAI${entries.join("")}`;
}

/** Of the pipe for local commands: nobody else may open it, not even to read. @param accounts SIDs of the service */
export function pipeSecurity(accounts: readonly string[]): string {
  const all = new Set([SYSTEM, ADMINISTRATORS, ...accounts]);
  return `D:P${[...all].map((sid) => `(A;;${FULL};;;${sid})`).join("")}`;
}

const entry = (rights: string, sid: string): string => `(A;${INHERITED};${rights};;;${sid})`;

export interface Expected {
  /** Who may own it and write it, beside the system and the administrators: SIDs. */
  readonly writers: readonly string[];
  /** Whether others may read it. */
  readonly isPublic: boolean;
}

export type AccessFlaw = "owner" | "noList" | "written" | "read";

/** @returns the first thing that is wrong with it */
export function accessFlaw(sddl: string, { writers, isPublic }: Expected): AccessFlaw | undefined {
  const trusted = new Set([SYSTEM, ADMINISTRATORS, TRUSTED_INSTALLER, ...writers]);
  const owner = /^O:(S-[\d-]+|[A-Z]{2})/.exec(sddl)?.[1];
  if (owner === undefined || !trusted.has(owner)) return "owner";
  const list = /D:([A-Z_]*)((?:\([^)]*\))*)/.exec(sddl);
  if (list === null || (list[1] ?? "").includes("NO_ACCESS_CONTROL")) return "noList";
  for (const [, text = ""] of (list[2] ?? "").matchAll(/\(([^)]*)\)/g)) {
    const [kind = "", flags = "", rights = "", , , sid = ""] = text.split(";");
    const isForChildrenOnly = /^(?:..)*IO/.test(flags);
    if (!/^X?A$/.test(kind) || isForChildrenOnly || trusted.has(sid) || sid === CREATOR_OWNER)
      continue;
    const mask = maskOf(rights);
    if ((mask & WRITING) !== 0n) return "written";
    if (!isPublic && (mask & READING) !== 0n) return "read";
  }
  return undefined;
}

/** Generic all and write, owner, access list, delete, delete a child, append, write. */
const WRITING = 0x5000_0000n | 0x000d_0000n | 0x46n;
/** Generic all and read, read. */
const READING = 0x9000_0000n | 0x1n;

/** Two letters each (Microsoft's "ACE strings"). */
const RIGHTS: Readonly<Record<string, bigint>> = {
  ...{ GA: 0x1000_0000n, GX: 0x2000_0000n, GW: 0x4000_0000n, GR: 0x8000_0000n },
  ...{ SD: 0x1_0000n, RC: 0x2_0000n, WD: 0x4_0000n, WO: 0x8_0000n },
  ...{ FA: 0x1f_01ffn, FR: 0x12_0089n, FW: 0x12_0116n, FX: 0x12_00a0n },
  ...{ CC: 0x1n, DC: 0x2n, LC: 0x4n, SW: 0x8n, RP: 0x10n, WP: 0x20n },
  ...{ DT: 0x40n, LO: 0x80n, CR: 0x100n },
};

/** What is not known counts as everything. */
function maskOf(rights: string): bigint {
  if (/^0x[0-9a-f]+$/i.test(rights)) return BigInt(rights);
  const everything = 0xffff_ffffn;
  return (rights.match(/../g) ?? []).reduce((sum, two) => sum | (RIGHTS[two] ?? everything), 0n);
}
