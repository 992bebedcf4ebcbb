/** `holdfast-sign config`, `approval`, `command`, `head`: documents that are made and signed. @module */
import { randomBytes } from "node:crypto";
import type { z } from "zod";
import { COMMAND_MAX_LIFETIME_MS, HEAD_MAX_LIFETIME_MS } from "../limits.ts";
import { formatTime, parseTime } from "../time.ts";
import type { ConfigDocument } from "../types/config.ts";
import { digestOf } from "../verify.ts";
import { loadConfigDescription } from "./description.ts";
import { contentOf, createDocument, newDraft, readDraft, type SigningOptions } from "./draft.ts";
import type { Say } from "./output.ts";
import { SignError, signError } from "./sign-error.ts";

const DAY_MS = 86_400_000;

export interface OutOptions extends SigningOptions {
  readonly out: string;
}

/** The schema of a configuration's body, and its number (VC7, VC8). */
export interface BodySchema {
  readonly number: number;
  readonly schema: z.ZodType<unknown>;
}

/** Compiles a description in YAML to a config document. */
export async function makeConfig(
  say: Say,
  file: string,
  options: OutOptions & { readonly previous?: string },
  { nowMs, body }: { nowMs: number; body: BodySchema },
): Promise<void> {
  const described = loadConfigDescription(file, body.schema);
  const previous = options.previous === undefined ? undefined : readConfig(options.previous);
  const issuedAt = described.issuedAt ?? formatTime(nowMs);
  const { offerDays = 0, offerExpires, ...rest } = described;
  const document = {
    ...rest,
    epoch: needed("epoch", described.epoch ?? previous?.document.epoch),
    seq: needed("seq", described.seq ?? (previous && previous.document.seq + 1)),
    base: needed("base", described.base === undefined ? previous?.digest : described.base),
    issuedAt,
    offerExpires: offerExpires ?? formatTime((parseTime(issuedAt) ?? 0) + offerDays * DAY_MS),
    schema: body.number,
  };
  await createDocument(say, options.out, newDraft("config", document), options);
}

function needed<T>(field: string, value: T | undefined): T {
  if (value !== undefined) return value;
  throw new SignError("DOCUMENT_UNFIT", `'${field}' is missing: say it, or name --previous`);
}

function readConfig(file: string): { document: ConfigDocument; digest: string } {
  const draft = readDraft(file);
  if (draft.type !== "config")
    throw new SignError("FILE_UNREADABLE", `${file} is a ${draft.type} document`);
  return { document: contentOf("config", draft), digest: digestOf(draft.payload) };
}

export interface ApprovalOptions extends OutOptions {
  readonly approver: string;
  readonly reject?: boolean;
  readonly days: string;
  readonly notBefore?: string;
  readonly notAfter?: string;
}

/** A hospital's yes or no to a config document, which is shown as it is approved. */
export async function makeApproval(
  say: Say,
  file: string,
  options: ApprovalOptions,
  nowMs: number,
): Promise<void> {
  const { document, digest } = readConfig(file);
  const { tenant, agent, epoch, seq, ticket } = document;
  const issuedAt = formatTime(nowMs);
  const expires = formatTime(nowMs + whole("--days", options.days, 90) * DAY_MS);
  const decision = options.reject === true ? "reject" : "approve";
  say(`${decision}: configuration ${epoch}.${seq} of ${tenant}/${agent}, ticket ${ticket}`);
  const approval = newDraft("approval", {
    ...{ tenant, agent, subject: digest, decision, approver: options.approver, issuedAt, expires },
    ...{ notBefore: options.notBefore ?? issuedAt, notAfter: options.notAfter ?? expires },
  });
  await createDocument(say, options.out, approval, options);
}

export interface CommandOptions extends OutOptions {
  readonly tenant: string;
  readonly agent: string;
  readonly args: string;
  readonly engineer: string;
  readonly ticket: string;
}

/** One question to one agent, good for 15 minutes from now. */
export async function makeCommand(
  say: Say,
  op: string,
  options: CommandOptions,
  nowMs: number,
): Promise<void> {
  const { tenant, agent, engineer, ticket } = options;
  const command = newDraft("command", {
    ...{ tenant, agent, op, args: parsedArgs(options.args), engineer, ticket },
    nonce: randomBytes(16).toString("hex"),
    issuedAt: formatTime(nowMs),
    expires: formatTime(nowMs + COMMAND_MAX_LIFETIME_MS),
  });
  await createDocument(say, options.out, command, options);
}

function parsedArgs(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw signError("DOCUMENT_UNFIT", "--args is no JSON", cause);
  }
}

/** Says that a config document is the newest, for 7 days at most. */
export async function makeHead(
  say: Say,
  file: string,
  options: OutOptions & { readonly trustVersion: string; readonly days: string },
  nowMs: number,
): Promise<void> {
  const { document, digest } = readConfig(file);
  const { tenant, agent, epoch, seq } = document;
  const days = whole("--days", options.days, HEAD_MAX_LIFETIME_MS / DAY_MS);
  const head = newDraft("head", {
    ...{ tenant, agent, epoch, seq, digest },
    trustVersion: whole("--trust-version", options.trustVersion, Number.MAX_SAFE_INTEGER),
    issuedAt: formatTime(nowMs),
    expires: formatTime(nowMs + days * DAY_MS),
  });
  await createDocument(say, options.out, head, options);
}

function whole(option: string, text: string, most: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= most) return value;
  throw new SignError("DOCUMENT_UNFIT", `${option} is a whole number from 1 to ${most}`);
}
