/**
 * One entry of the audit, as the bytes that are stored and hashed (08 6).
 *
 * ```
 * {"seq":7,"at":"2026-01-31T08:00:00.000Z","monotonicMs":81234,"actor":{"kind":"local","id":"anna","claimed":true},
 *  "action":"quarantine.release","subject":"block 12","decision":"done","prev":"<64 hexadecimal digits>"}
 * ```
 *
 * One object on one line, members in this order, absent ones left out; all in printable ASCII, whatever stands in it:
 * anything else is written as `\uXXXX` (A03). Once written the bytes stay as they are: nobody makes them again from what
 * they say. `hash` of an entry is SHA-256(hash of the one before ‖ its bytes), raw. No entry holds PHI.
 *
 * @module
 */
/** Who did it. `claimed`: the kernel has proved a group or an account at most, and the name was told by the command itself. */
export interface AuditActor {
  readonly kind: "engineer" | "local" | "system" | "receiver";
  readonly id: string;
  readonly claimed?: boolean;
  /** He came by the socket for approvers; absent: by that of the service account. */
  readonly door?: "approvers";
}

/** What is to be recorded. Texts that are too long are cut; none may hold what a message held. */
export interface AuditDraft {
  readonly actor: AuditActor;
  /** Dotted words, such as `config.refused`, `quarantine.show`. */
  readonly action: string;
  /** A digest, or the id of what it was about. */
  readonly subject?: string;
  readonly decision?: string;
  readonly reason?: string;
}

/** An entry, read. */
export interface AuditEntry extends AuditDraft {
  readonly seq: number;
  /** RFC 3339, UTC, to the millisecond. */
  readonly at: string;
  /** Since the process began. */
  readonly monotonicMs: number;
  /** Hash of the entry before, hexadecimal. */
  readonly prev: string;
}

/** In characters; what is longer ends in three dots. */
const TEXT_MAX_LENGTH = 256;
const WORD_MAX_LENGTH = 64;

export interface EntryPlace {
  readonly seq: number;
  readonly atMs: number;
  readonly monotonicMs: number;
  readonly prev: Uint8Array;
}

/** The bytes of an entry; a kilobyte and a half at most, or six times that where all of it has to be escaped. */
export function entryBytes(draft: AuditDraft, place: EntryPlace): Uint8Array {
  const { actor, action, subject, decision, reason } = draft;
  const entry: AuditEntry = {
    seq: place.seq,
    at: new Date(place.atMs).toISOString(),
    monotonicMs: Math.round(place.monotonicMs),
    actor: {
      kind: actor.kind,
      id: cut(actor.id, TEXT_MAX_LENGTH),
      ...(actor.claimed === undefined ? {} : { claimed: actor.claimed }),
      ...(actor.door === undefined ? {} : { door: actor.door }),
    },
    action: cut(action, WORD_MAX_LENGTH),
    ...(subject === undefined ? {} : { subject: cut(subject, TEXT_MAX_LENGTH) }),
    ...(decision === undefined ? {} : { decision: cut(decision, WORD_MAX_LENGTH) }),
    ...(reason === undefined ? {} : { reason: cut(reason, TEXT_MAX_LENGTH) }),
    prev: Buffer.from(place.prev).toString("hex"),
  };
  return Buffer.from(printable(JSON.stringify(entry)), "latin1");
}

/** @returns `undefined` for bytes that are no entry; what it says is checked by nobody here */
export function readEntry(bytes: Uint8Array): AuditEntry | undefined {
  try {
    const found = JSON.parse(Buffer.from(bytes).toString("utf8")) as Partial<AuditEntry> | null;
    const isEntry =
      typeof found?.seq === "number" &&
      typeof found.at === "string" &&
      typeof found.action === "string" &&
      typeof found.actor?.id === "string" &&
      typeof found.prev === "string";
    return isEntry ? (found as AuditEntry) : undefined;
  } catch {
    return undefined;
  }
}

const cut = (text: string, most: number): string =>
  text.length <= most ? text : `${text.slice(0, most - 3)}...`;

/** JSON has escaped control characters already; this does it for what else a terminal or a SIEM might read as more than text. */
const printable = (json: string): string =>
  json.replaceAll(
    /[^\x20-\x7e]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
