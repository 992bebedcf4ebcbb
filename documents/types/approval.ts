/** `approval`: a hospital's yes or no to one configuration (07 2.2). @module */
import { z } from "zod";
import { digest, label, recipient, time } from "./fields.ts";

export const approvalSchema = z.strictObject({
  ...recipient,
  /** SHA-256 of the config document's payload. */
  subject: digest,
  decision: z.enum(["approve", "reject"]),
  /** Name of the person, as that person wrote it. */
  approver: label,
  issuedAt: time,
  expires: time,
  /** The configuration may start from here … */
  notBefore: time,
  /** … until here. */
  notAfter: time,
});
export type ApprovalDocument = z.infer<typeof approvalSchema>;
