/**
 * One message as it lies sealed in a segment or in quarantine: what says who it is, then its bytes.
 *
 * Everything that could identify a patient, or confirm a guess about one, is inside the envelope (08 2.1):
 * the body, its digest, the chain, the control id, the source, attributes that quote the message.
 *
 * ```
 *  0 version 1 · 1 zero · 2 u16 control id · 4 u16 source · 6 u32 attributes · 10 u32 body, all lengths
 * 14 SHA-256 of the body · 46 chain · 78 replaces: epoch u64, seq u64 (zeros: nothing)
 * 94 its own epoch u64, seq u64 (zeros in quarantine) · 110 the four, one behind another
 * ```
 *
 * @module
 */

export const RECORD_HEADER_BYTES = 110;
const VERSION = 1;
const SHA256_AT = 14;
const CHAIN_AT = 46;
const REPLACES_AT = 78;
const IDENTITY_AT = 94;
const DIGEST_BYTES = 32;

/** A message of a channel. */
export interface MessageIdentity {
  readonly epoch: bigint;
  readonly seq: bigint;
}

export interface RecordFields {
  /** By which a row knows its record: one flipped bit in an index leads to another's. */
  readonly identity: MessageIdentity;
  /** 32 bytes, of the whole body. */
  readonly sha256: Uint8Array;
  /** The chain value after this message; for a block of quarantine, its control key (8 bytes). */
  readonly chain: Uint8Array;
  /** The identity that it had before it was appended again (06 TP18). */
  readonly replaces: MessageIdentity | undefined;
  readonly controlId: Uint8Array;
  /** ASCII. */
  readonly source: string;
  /** An object of strings as JSON, each character a byte (latin1), or empty. */
  readonly attributes: string;
  /** The body, or empty where it lies in an upload. */
  readonly body: Uint8Array;
}

/** Header and texts; the body follows as it is, without a copy. */
export function recordHead(fields: RecordFields): Buffer {
  const { identity, sha256, chain, replaces, controlId, source, attributes, body } = fields;
  const texts = controlId.length + source.length + attributes.length;
  const head = Buffer.allocUnsafe(RECORD_HEADER_BYTES + texts);
  head[0] = VERSION;
  head[1] = 0;
  head.writeUInt16BE(controlId.length, 2);
  head.writeUInt16BE(source.length, 4);
  head.writeUInt32BE(attributes.length, 6);
  head.writeUInt32BE(body.length, 10);
  head.set(sha256, SHA256_AT);
  head.fill(0, CHAIN_AT + chain.length, CHAIN_AT + DIGEST_BYTES);
  head.set(chain, CHAIN_AT);
  head.writeBigUInt64BE(replaces?.epoch ?? 0n, REPLACES_AT);
  head.writeBigUInt64BE(replaces?.seq ?? 0n, REPLACES_AT + 8);
  head.writeBigUInt64BE(identity.epoch, IDENTITY_AT);
  head.writeBigUInt64BE(identity.seq, IDENTITY_AT + 8);
  head.set(controlId, RECORD_HEADER_BYTES);
  head.write(source, RECORD_HEADER_BYTES + controlId.length, "latin1");
  head.write(attributes, RECORD_HEADER_BYTES + controlId.length + source.length, "latin1");
  return head;
}

/**
 * Reads the record at `at` of a plaintext.
 *
 * @returns views of `plain`, or `undefined` where no whole record is
 */
export function readRecord(plain: Buffer, at: number): RecordFields | undefined {
  if (at < 0 || at + RECORD_HEADER_BYTES > plain.length || plain[at] !== VERSION) return undefined;
  const controlIdBytes = plain.readUInt16BE(at + 2);
  const sourceBytes = plain.readUInt16BE(at + 4);
  const attributeBytes = plain.readUInt32BE(at + 6);
  const bodyBytes = plain.readUInt32BE(at + 10);
  const sourceAt = at + RECORD_HEADER_BYTES + controlIdBytes;
  const attributesAt = sourceAt + sourceBytes;
  const bodyAt = attributesAt + attributeBytes;
  if (bodyAt + bodyBytes > plain.length) return undefined;
  const replaces = identityAt(plain, at + REPLACES_AT);
  return {
    identity: identityAt(plain, at + IDENTITY_AT),
    sha256: plain.subarray(at + SHA256_AT, at + SHA256_AT + DIGEST_BYTES),
    chain: plain.subarray(at + CHAIN_AT, at + CHAIN_AT + DIGEST_BYTES),
    replaces: replaces.seq === 0n ? undefined : replaces,
    controlId: plain.subarray(at + RECORD_HEADER_BYTES, sourceAt),
    source: plain.toString("latin1", sourceAt, attributesAt),
    attributes: plain.toString("latin1", attributesAt, bodyAt),
    body: plain.subarray(bodyAt, bodyAt + bodyBytes),
  };
}

const identityAt = (plain: Buffer, at: number): MessageIdentity => ({
  epoch: plain.readBigUInt64BE(at),
  seq: plain.readBigUInt64BE(at + 8),
});

/** Of a block of quarantine, which is no message. */
export const NO_IDENTITY: MessageIdentity = { epoch: 0n, seq: 0n };
