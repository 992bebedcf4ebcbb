/**
 * What may be asked over HTTP, as it stands in a URL or a body.
 *
 * @module
 */
import { z } from "zod";
import { parseAgentName } from "../agent-certificate.ts";
import { POLL_DEFAULT_COUNT, POLL_WAIT_MAX_S } from "../limits.ts";
import { isServed } from "../served-channels.ts";
import { placeOf } from "./json.ts";

const PLACE = z.string().transform((text, context) => {
  const place = placeOf(text);
  if (place !== undefined) return place;
  context.addIssue({ code: "custom", message: "is no EPOCH.SEQ" });
  return z.NEVER;
});
const AGENT = z.string().transform((text, context) => {
  const agent = parseAgentName(text);
  if (agent !== null) return agent;
  context.addIssue({ code: "custom", message: "is no TENANT/NAME" });
  return z.NEVER;
});
/** What no channel can be called is not asked for: a store may be unable to hold it as text. */
const CHANNEL = z.string().max(1_024).refine(isServed, "is no channel");
const COUNT = z
  .string()
  .regex(/^[0-9]{1,6}$/, "is no number")
  .transform(Number);

export const CHANNELS_QUERY = z.strictObject({
  afterAgent: AGENT.optional(),
  afterChannel: CHANNEL.optional(),
});

export const MESSAGES_QUERY = z.strictObject({
  agent: AGENT,
  channel: CHANNEL,
  after: PLACE.optional(),
  outlet: z.string().optional(),
  limit: COUNT.pipe(z.int().min(1).max(POLL_DEFAULT_COUNT)).default(POLL_DEFAULT_COUNT),
  wait: COUNT.pipe(z.int().max(POLL_WAIT_MAX_S)).default(0),
});
export type MessagesQuery = z.infer<typeof MESSAGES_QUERY>;

export const POSITION = z.strictObject({
  agent: AGENT,
  channel: CHANNEL,
  cursor: PLACE,
  rewind: z.boolean().default(false),
});

/** Of a path, decoded. */
export const BODY_PATH = z.strictObject({ agent: AGENT, channel: CHANNEL, cursor: PLACE });

/** @returns which key of a question is wrong, and why; values are not quoted */
export function problemsOf({ issues: [issue] }: z.ZodError): Readonly<Record<string, string>> {
  return { key: issue?.path.join(".") ?? "", problem: issue?.message ?? "" };
}

/** @returns what `url` asks, once each; undefined if it asks something twice */
export function parametersOf(url: URL): Record<string, string> | undefined {
  const found: Record<string, string> = {};
  for (const [key, value] of url.searchParams) {
    if (Object.hasOwn(found, key)) return undefined;
    found[key] = value;
  }
  return found;
}

/**
 * RFC 9110 section 14.2, a single range of bytes; anything else may be ignored, and is.
 *
 * @returns from and to, both inclusive; null for all of it; undefined if nothing of it is there
 */
export function rangeOf(
  header: string | undefined,
  bytes: number,
): { readonly from: number; readonly to: number } | null | undefined {
  const [, first = "", last = ""] = /^bytes=([0-9]{0,15})-([0-9]{0,15})$/.exec(header ?? "") ?? [];
  if (first === "" && last === "") return null;
  if (first === "") {
    const count = Math.min(Number(last), bytes);
    return count === 0 ? undefined : { from: bytes - count, to: bytes - 1 };
  }
  const from = Number(first);
  const to = last === "" ? bytes - 1 : Math.min(Number(last), bytes - 1);
  if (last !== "" && Number(last) < from) return null;
  return from >= bytes ? undefined : { from, to };
}
