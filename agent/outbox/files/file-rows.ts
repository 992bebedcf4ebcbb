/**
 * Rows of dropped files, sealed and opened again.
 *
 * `head` is written with the claim: the claim's text and the files, as JSON. `targets` are names, as JSON. `digest`
 * is the SHA-256 of the data file and, once something of it is stored, the content key (P26) behind it. Bytes in JSON are
 * base64.
 *
 * @module
 */
import type {
  ClaimRow,
  ClaimVerdict,
  DroppedFile,
  FilePart,
  FileReason,
  NewClaim,
} from "../../ingest/file-drop/claims.ts";
import type { Sealer } from "../../sealing/sealer.ts";
import { TOKEN_OF_FILE, TOKEN_OF_FILE_CONTENT } from "../format/tokens.ts";
import { stateNamed } from "./file-states.ts";

/** What is in clear, and the three that are sealed; in the order of the statements. */
export type FileColumns = [
  ...[id: number, claim: string, channel: number, state: number, attempts: number],
  ...[claimedAtMs: number, decidedAtMs: number | null, movedAtMs: number | null],
  ...[verdict: ClaimVerdict | null, reason: FileReason | null],
  ...[messageCount: number, asideCount: number],
  ...[identityToken: Uint8Array, contentToken: Uint8Array | null],
  ...[head: Uint8Array, targets: Uint8Array | null, digest: Uint8Array | null],
  ...[appended: number],
];

/** Whose row something is sealed to. */
interface Place {
  readonly id: number;
  readonly channel: number;
}

const DIGEST_BYTES = 32;

type HeadFile = [part: FilePart, name: string, size: number, modifiedNs: string, inode: string];

interface Head {
  readonly claim: string;
  readonly files: readonly HeadFile[];
}

export function sealHead(sealer: Sealer, { id, channel }: Place, claim: NewClaim): Buffer {
  const files = claim.files.map(({ part, name, size, modifiedNs, inode }): HeadFile => {
    return [part, base64(name), size, String(modifiedNs), String(inode)];
  });
  const head: Head = { claim: claim.claim, files };
  return sealer.seal([jsonOf(head)], { column: "file_claim.head", channel, row: id });
}

export function sealTargets(
  sealer: Sealer,
  { id, channel }: Place,
  targets: readonly Uint8Array[],
): Buffer {
  const place = { column: "file_claim.targets", channel, row: id } as const;
  return sealer.seal([jsonOf(targets.map(base64))], place);
}

/** @param parts the SHA-256, and the content key of what is stored, at least in part */
export function sealDigest(
  sealer: Sealer,
  { id, channel }: Place,
  parts: readonly Uint8Array[],
): Buffer {
  return sealer.seal(parts, { column: "file_claim.digest", channel, row: id });
}

/** By which the same file is found again: name, identity, size and time. */
export function identityToken(sealer: Sealer, files: readonly DroppedFile[]): Buffer {
  const [data] = files;
  if (data === undefined) throw new RangeError("Cannot claim without a file");
  const { name, inode, size, modifiedNs } = data;
  const state = Buffer.from(`${inode}/${size}/${modifiedNs}/`);
  return sealer.token(TOKEN_OF_FILE, Buffer.concat([state, name]));
}

export const contentToken = (sealer: Sealer, contentKey: Uint8Array): Buffer =>
  sealer.token(TOKEN_OF_FILE_CONTENT, contentKey);

/** @returns `undefined` where something of it does not open, or is not what its row says in clear */
export function openRow(sealer: Sealer, columns: FileColumns): ClaimRow | undefined {
  const [id, claim, channel, state, , , , , , , , , identity, content] = columns;
  const [head, targets, digest] = [columns[14], columns[15], columns[16]];
  const named = stateNamed(state);
  // One flipped bit in a row's header makes something else of a number.
  if (!Number.isSafeInteger(channel) || channel < 0) return undefined;
  const files = openHead(sealer, { id, channel }, claim, head);
  const places = targets === null ? [] : openTargets(sealer, { id, channel }, targets);
  const known = digest === null ? NOTHING : openDigest(sealer, { id, channel }, digest);
  if (named === undefined || files === undefined || places === undefined) return undefined;
  if (known === undefined || !isSame(identity, identityToken(sealer, files))) return undefined;
  if (content !== null) {
    const key = known.subarray(DIGEST_BYTES);
    if (!isSame(content, contentToken(sealer, key))) return undefined;
  }
  const sha256 = known.length === 0 ? undefined : new Uint8Array(known.subarray(0, DIGEST_BYTES));
  return { ...inClear(columns), state: named, files, targets: places, sha256 };
}

/** What is left of a row that does not open: no names, so that nobody touches its file. */
export const closedRow = (columns: FileColumns): ClaimRow => ({
  ...inClear(columns),
  state: stateNamed(columns[3]) ?? "claimed",
  ...{ files: [], targets: [], sha256: undefined },
});

function inClear(columns: FileColumns): Omit<ClaimRow, "state" | "files" | "targets" | "sha256"> {
  const [id, claim, channel, , attempts, claimedAtMs, decidedAtMs, movedAtMs] = columns;
  const [verdict, reason, messageCount, asideCount] = columns.slice(8, 12) as [
    ...[ClaimVerdict | null, FileReason | null, number, number],
  ];
  const appended = columns[17];
  return {
    ...{ id, claim, channel, attempts, claimedAtMs, messageCount, asideCount, appended },
    ...{ verdict: verdict ?? undefined, reason: reason ?? undefined },
    ...{ decidedAtMs: decidedAtMs ?? undefined, movedAtMs: movedAtMs ?? undefined },
  };
}

function openHead(
  sealer: Sealer,
  { id, channel }: Place,
  claim: string,
  sealed: Uint8Array,
): DroppedFile[] | undefined {
  const plain = sealer.open(sealed, { column: "file_claim.head", channel, row: id });
  if (plain === undefined) return undefined;
  const head = JSON.parse(plain.toString()) as Head;
  if (head.claim !== claim) return undefined;
  return head.files.map(([part, name, size, modifiedNs, inode]) => ({
    ...{ part, name: bytesOf(name), size },
    ...{ modifiedNs: BigInt(modifiedNs), inode: BigInt(inode) },
  }));
}

export function openTargets(
  sealer: Sealer,
  { id, channel }: Place,
  sealed: Uint8Array,
): Uint8Array[] | undefined {
  const plain = sealer.open(sealed, { column: "file_claim.targets", channel, row: id });
  return plain === undefined ? undefined : (JSON.parse(plain.toString()) as string[]).map(bytesOf);
}

/** @returns what `sealDigest` got, behind one another */
export function openDigest(
  sealer: Sealer,
  { id, channel }: Place,
  sealed: Uint8Array,
): Buffer | undefined {
  return sealer.open(sealed, { column: "file_claim.digest", channel, row: id });
}

const NOTHING = Buffer.alloc(0);
const jsonOf = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");
const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "base64"));

/** Of columns, which storage may have made something else of. */
const isSame = (found: unknown, expected: Uint8Array): boolean =>
  found instanceof Uint8Array && Buffer.compare(found, expected) === 0;
