/** The six types of signed documents, their payload types and sizes (07 2.2). @module */

export const DOCUMENT_TYPES = ["trust", "config", "approval", "head", "status", "command"] as const;
export type DocumentType = (typeof DOCUMENT_TYPES)[number];

/** Bytes of the payload, before base64. */
export const PAYLOAD_MAX_BYTES: Readonly<Record<DocumentType, number>> = {
  trust: 65_536,
  config: 1_048_576,
  approval: 16_384,
  head: 16_384,
  status: 16_384,
  command: 16_384,
};

/** `application/vnd.holdfast.<type>.v1+json`: signed along with the payload, so that no type passes as another. */
export function payloadTypeOf(type: DocumentType): string {
  return `application/vnd.holdfast.${type}.v1+json`;
}

/** @returns undefined for a payload type that is none of ours */
export function documentTypeOf(payloadType: unknown): DocumentType | undefined {
  return DOCUMENT_TYPES.find((type) => payloadTypeOf(type) === payloadType);
}
