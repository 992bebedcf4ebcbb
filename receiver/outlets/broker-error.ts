/**
 * What the client of Kafka throws, in our words: one code out of a tree of errors. Nothing else of
 * it is kept: texts of brokers are not ours to print.
 *
 * @module
 */
import { foreignCode, identifierFrom, ReceiverError } from "../errors.ts";

/** Errors of the client are nested three or four deep. */
const DEPTH_MAX = 8;
const CODE = /^[A-Z0-9_]{1,64}$/;
/** A record, or a batch, beyond what the topic takes. */
const TOO_LARGE: ReadonlySet<string> = new Set(["MESSAGE_TOO_LARGE", "RECORD_LIST_TOO_LARGE"]);
/** What the client tells by a text alone, and how that begins. */
const TEXTS = [
  ["Unknown topic ", "UNKNOWN_TOPIC_OR_PARTITION"],
  ["Request timed out", "TIMEOUT"],
  ["Connection closed", "CLOSED"],
] as const;

/**
 * @param bytes of the bodies that were to be published
 * @returns with what the broker answered, by its name in Kafka's protocol; else with what happened to
 *   the connection, by the code of Node; else with a code of the client (`PLT_KFK_…`)
 */
export function brokerError(cause: unknown, bytes: number): ReceiverError {
  const all = [...withinError(cause, DEPTH_MAX)];
  const answered = all.map(answerOf).find((code) => code !== undefined);
  if (answered !== undefined && TOO_LARGE.has(answered)) {
    const raise = identifierFrom("max.message.bytes");
    const facts = { error: identifierFrom(answered), bytes, raise };
    return new ReceiverError("OUTLET_TOO_LARGE", { cause, facts });
  }
  const codes = all.map((error) => foreignCode(error)).filter((code) => code !== "UNKNOWN");
  const own = codes.find((code) => !code.startsWith("PLT_KFK_"));
  const code = answered ?? own ?? codes.at(-1) ?? "UNKNOWN";
  return new ReceiverError("OUTLET_REFUSED", { cause, facts: { error: identifierFrom(code) } });
}

/** An error, what caused it, and those that it gathers; the outer ones first. */
function* withinError(error: unknown, depth: number): Generator<Error> {
  if (!(error instanceof Error) || depth === 0) return;
  yield error;
  const inner = error instanceof AggregateError ? error.errors : [];
  for (const one of [error.cause, ...inner]) yield* withinError(one, depth - 1);
}

function answerOf(error: Error): string | undefined {
  if ("apiId" in error && typeof error.apiId === "string" && CODE.test(error.apiId)) {
    return error.apiId;
  }
  return TEXTS.find(([text]) => error.message.startsWith(text))?.[1];
}
