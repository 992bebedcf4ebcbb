/** Each operation of the catalogue, carried out (08 4.4). The compiler sees that none is missing, and no other there. @module */
import type { Answered } from "./answer.ts";
import type { ArgsOf, Operation, OperationName } from "./catalogue.ts";
import type { ControlFacts } from "./facts.ts";
import { clockAnswer, diskAnswer } from "./operations/machine.ts";
import { outboxAnswer, statusAnswer } from "./operations/status.ts";

type Runner<Name extends OperationName> = (
  args: ArgsOf<Name>,
  signal: AbortSignal,
) => Promise<Answered>;
type Runners = { readonly [Name in OperationName]: Runner<Name> };

export function runners(facts: ControlFacts): Runners {
  return {
    "status.get": async () => told(statusAnswer(await facts.status())),
    "outbox.stats": async () => told(outboxAnswer(await facts.status())),
    "clock.check": async () => told(clockAnswer(facts.clock())),
    "disk.check": async () => told(diskAnswer(await facts.disk())),
  };
}

const told = (answer: Extract<Answered, { kind: "facts" }>["answer"]): Answered => ({
  kind: "facts",
  answer,
});

/** @throws {AgentError} why it has no answer */
export function runWith(
  all: Runners,
  operation: Operation,
  signal: AbortSignal,
): Promise<Answered> {
  // Name and arguments belong together: `operationOf` has made both of one rule.
  const run = all[operation.name] as Runner<OperationName>;
  return run(operation.args, signal);
}
