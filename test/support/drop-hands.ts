/** A folder's worker with somebody between it and the driver: to hold, count or change what is said. @module */
import type { PickupMethod, PickupMethods } from "#agent/folders/messages.ts";
import type { PickupHand } from "#agent/ingest/file-drop/parts.ts";

type Answers = {
  readonly [M in PickupMethod]?: (
    answer: PickupMethods[M]["answer"],
    ask: PickupMethods[M]["ask"],
  ) => PickupMethods[M]["answer"];
};

/** Each answer to one of these methods is what its function makes of the worker's own. */
export const answering =
  (answers: Answers) =>
  (own: PickupHand): PickupHand => ({
    call: async (method, ask) => {
      const answer = await own.call(method, ask);
      return answers[method]?.(answer, ask) ?? answer;
    },
    onHint: (listener) => own.onHint(listener),
    abort: () => own.abort(),
    [Symbol.asyncDispose]: () => own[Symbol.asyncDispose](),
  });
