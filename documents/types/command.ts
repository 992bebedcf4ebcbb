/** `command`: one question of a named engineer to one agent (07 2.2, 08). @module */
import { z } from "zod";
import { label, random16, recipient, time } from "./fields.ts";

export const commandSchema = z.strictObject({
  ...recipient,
  /** Looked up in the compiled catalogue (VM4). */
  op: z.string().regex(/^[a-z_][a-z0-9._-]{0,63}$/i, "must be the name of an operation"),
  /** Judged by the operation's own schema (VM4), not here. */
  args: z.record(z.string(), z.unknown()),
  nonce: random16,
  issuedAt: time,
  expires: time,
  /** Written by the signer after it knew who asks, not by the engineer. */
  engineer: label,
  ticket: label,
});
export type CommandDocument = z.infer<typeof commandSchema>;
