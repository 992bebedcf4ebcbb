/** The schema of each type: strict, so that unknown fields are refused (07 2.2). @module */
import type { z } from "zod";
import type { DocumentType } from "./document-types.ts";
import { type ApprovalDocument, approvalSchema } from "./types/approval.ts";
import { type CommandDocument, commandSchema } from "./types/command.ts";
import { type ConfigDocument, configSchema } from "./types/config.ts";
import { type HeadDocument, headSchema } from "./types/head.ts";
import { type StatusDocument, statusSchema } from "./types/status.ts";
import { type TrustClaims, trustSchema } from "./types/trust.ts";

export interface DocumentOf {
  /** VT3 and VT4 make a `TrustDocument` of it. */
  readonly trust: TrustClaims;
  readonly config: ConfigDocument;
  readonly approval: ApprovalDocument;
  readonly head: HeadDocument;
  readonly status: StatusDocument;
  readonly command: CommandDocument;
}

export const SCHEMAS: { readonly [T in DocumentType]: z.ZodType<DocumentOf[T]> } = {
  trust: trustSchema,
  config: configSchema,
  approval: approvalSchema,
  head: headSchema,
  status: statusSchema,
  command: commandSchema,
};
