/**
 * The sequence marks of trust state (07 2.12): numbers that never go back, held in the store and, outside of it, in two
 * signed files. Which value of the store holds which mark, and how.
 *
 * @module
 */

/** What must never go back. */
export interface Marks {
  /** 0 before the first trust document. */
  readonly trustVersion: number;
  readonly epoch: number;
  /** In `epoch`; a higher epoch begins at 0 (VT6). */
  readonly seqHigh: number;
  /** Of the configuration in force; `undefined` before the first signed one. */
  readonly effectiveDigest: string | undefined;
  /** 07 2.5, in ms since 1970. */
  readonly timeFloorMs: number;
  readonly auditSeq: number;
  /** By name, such as `root`, `targets`, `releaseCounter` (07 W4). */
  readonly release: Readonly<Record<string, number>>;
}

export const NO_MARKS: Marks = {
  ...{ trustVersion: 0, epoch: 0, seqHigh: 0, effectiveDigest: undefined },
  ...{ timeFloorMs: 0, auditSeq: 0, release: {} },
};

/** Under these names the store holds them; `auditSeq` is the last entry's. Bytes: JSON, UTF-8. */
export const MARK_VALUES = {
  trustVersion: "trust.version",
  epoch: "config.epoch",
  seqHigh: "config.seqHigh",
  effectiveDigest: "config.effective",
  timeFloorMs: "time.floorMs",
  release: "release.marks",
} as const;
export type MarkName = keyof typeof MARK_VALUES;

/**
 * Marks as values of a `TrustChange`.
 *
 * @throws {RangeError} for what is no mark
 */
export function markValues(
  marks: Partial<Omit<Marks, "auditSeq">>,
): ReadonlyMap<string, Uint8Array | null> {
  const values = new Map<string, Uint8Array | null>();
  for (const [name, value] of Object.entries(marks)) {
    const isGone = value === undefined;
    if (!isGone && !isMark(name as MarkName, value)) {
      throw new RangeError(`Cannot keep such a ${name}`);
    }
    const bytes = isGone ? null : Buffer.from(JSON.stringify(value));
    values.set(MARK_VALUES[name as MarkName], bytes);
  }
  return values;
}

/** @returns `undefined` where a value is none: the trust state is damaged then */
export function marksIn(
  values: ReadonlyMap<string, Uint8Array>,
  auditSeq: number,
): Marks | undefined {
  const found: Record<string, unknown> = { auditSeq };
  for (const [name, key] of Object.entries(MARK_VALUES)) {
    const bytes = values.get(key);
    if (bytes !== undefined) found[name] = jsonOf(bytes);
  }
  return marksFrom({ ...NO_MARKS, ...found });
}

/** @returns `undefined` for what is none */
export function marksFrom(found: Readonly<Record<string, unknown>>): Marks | undefined {
  const { auditSeq, effectiveDigest } = found;
  const digest = effectiveDigest ?? undefined;
  const named = Object.keys(MARK_VALUES) as MarkName[];
  const isSound = named.every((name) => {
    const value = name === "effectiveDigest" ? digest : found[name];
    return (name === "effectiveDigest" && value === undefined) || isMark(name, value);
  });
  if (!isSound || !isCount(auditSeq)) return undefined;
  return { ...(found as unknown as Marks), effectiveDigest: digest as string | undefined };
}

/** Whether something in `one` is older than in `other`. */
export function isBehind(one: Marks, other: Marks): boolean {
  if (one.trustVersion < other.trustVersion || one.epoch < other.epoch) return true;
  if (one.epoch === other.epoch && one.seqHigh < other.seqHigh) return true;
  if (one.timeFloorMs < other.timeFloorMs || one.auditSeq < other.auditSeq) return true;
  return Object.entries(other.release).some(([name, mark]) => (one.release[name] ?? 0) < mark);
}

/** The highest of each; the digest is that of whoever has the higher sequence number, and `one`'s where they are even. */
export function highestOf(one: Marks, other: Marks): Marks {
  const inEpoch = (marks: Marks): number => (marks.epoch === epoch ? marks.seqHigh : 0);
  const epoch = Math.max(one.epoch, other.epoch);
  const isOther =
    other.epoch > one.epoch || (other.epoch === one.epoch && other.seqHigh > one.seqHigh);
  const release: Record<string, number> = { ...one.release };
  for (const [name, mark] of Object.entries(other.release)) {
    release[name] = Math.max(release[name] ?? 0, mark);
  }
  return {
    trustVersion: Math.max(one.trustVersion, other.trustVersion),
    ...{ epoch, seqHigh: Math.max(inEpoch(one), inEpoch(other)) },
    effectiveDigest: (isOther ? other : one).effectiveDigest,
    timeFloorMs: Math.max(one.timeFloorMs, other.timeFloorMs),
    auditSeq: Math.max(one.auditSeq, other.auditSeq),
    release,
  };
}

function isMark(name: MarkName, value: unknown): boolean {
  if (name === "effectiveDigest") return typeof value === "string" && /^[0-9a-f]{64}$/.test(value);
  if (name !== "release") return isCount(value);
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const marks = Object.entries(value);
  return (
    marks.length <= 32 && marks.every(([key, mark]) => /^\w{1,64}$/.test(key) && isCount(mark))
  );
}

const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && Number(value) >= 0;

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch {
    return Number.NaN;
  }
}
