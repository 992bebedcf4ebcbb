/**
 * The questions of the polling outlet and which part answers them. It keeps nothing between two of them:
 * the consumer says where it stands, or has a name under which the store keeps it.
 *
 * @module
 */
import { type Answer, refusal } from "./http-answer.ts";
import { answerBody } from "./http-body.ts";
import { answerChannels } from "./http-channels.ts";
import { answerMessages } from "./http-messages.ts";
import { movePosition } from "./http-position.ts";
import { parametersOf } from "./http-query.ts";
import type { OutletContext } from "./pump.ts";

/** A question, read to its end. */
export interface Asked {
  readonly method: string;
  readonly url: URL;
  readonly range: string | undefined;
  /** Of a POST. */
  readonly body: string;
  /** Aborts when nobody waits for the answer any more, or the receiver stops. */
  readonly ended: AbortSignal;
}

/**
 * @param names under which consumers may keep where they stand
 * @throws {ReceiverError} if the store cannot go on
 */
export async function answerTo(
  context: OutletContext,
  names: ReadonlySet<string>,
  asked: Asked,
): Promise<Answer> {
  const [, version, what = "", ...rest] = asked.url.pathname.split("/");
  if (version !== "v1") return refusal("notFound");
  if (what === "outlets" && rest.length === 2 && rest[1] === "position") {
    if (asked.method !== "POST") return refusal("methodNotAllowed", { Allow: "POST" });
    if (!names.has(rest[0] ?? "")) return refusal("notFound");
    return await movePosition(context, rest[0] ?? "", asked.body);
  }
  const isBody = what === "messages" && rest.length === 5 && rest[4] === "body";
  const isList = rest.length === 0 && (what === "channels" || what === "messages");
  if (!(isBody || isList)) return refusal("notFound");
  if (asked.method !== "GET") return refusal("methodNotAllowed", { Allow: "GET" });
  if (isBody) return await answerBody(context.store, rest, asked.range);
  const parameters = parametersOf(asked.url);
  if (what === "channels") return await answerChannels(context.store, parameters);
  return await answerMessages(context, names, parameters, asked.ended);
}
