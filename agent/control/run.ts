/** Each operation of the catalogue, carried out (08 4.4). The compiler sees that none is missing, and no other there. @module */
import type { Chance, Clock } from "../host/clock.ts";
import { type Answered, nameFact } from "./answer.ts";
import { makeBundle } from "./bundle.ts";
import type { ArgsOf, Operation, OperationName } from "./catalogue.ts";
import type { ControlFacts } from "./facts.ts";
import { eventsAnswer } from "./operations/events.ts";
import { clockAnswer, diskAnswer } from "./operations/machine.ts";
import { outboxAnswer, statusAnswer } from "./operations/status.ts";
import { configurationAnswer, listenersAnswer, structureAnswer } from "./operations/structure.ts";
import type { ProbeKind, Probes } from "./probes.ts";
import { Tokens } from "./tokens.ts";

export interface RunParts {
  readonly facts: ControlFacts;
  readonly probes: Pick<Probes, "probe">;
  /** @throws {AgentError} `CHANNEL_UNKNOWN`, `CHANNEL_NOT_HELD`, `AUDIT_UNWRITABLE` */
  readonly holds: {
    hold(channel: string): Promise<void>;
    release(channel: string): Promise<void>;
  };
  readonly chance: Pick<Chance, "bytes">;
  readonly clock: Pick<Clock, "nowMs">;
}

type Runner<Name extends OperationName> = (
  args: ArgsOf<Name>,
  signal: AbortSignal,
) => Promise<Answered>;
export type Runners = { readonly [Name in OperationName]: Runner<Name> };

export function runners(parts: RunParts): Runners {
  const { facts, chance } = parts;
  // A salt of its own for each answer (08 5.3).
  const tokens = (): Tokens => new Tokens(chance);
  const probe =
    (kind: ProbeKind) =>
    async ({ host }: { readonly host: number }, signal: AbortSignal): Promise<Answered> =>
      told(await parts.probes.probe(kind, host, tokens(), signal));
  return {
    "status.get": async () => told(statusAnswer(await facts.status())),
    "outbox.stats": async () => told(outboxAnswer(await facts.status())),
    "clock.check": async () => told(clockAnswer(facts.clock())),
    "disk.check": async () => told(diskAnswer(await facts.disk())),
    "listener.list": async () => told(listenersAnswer(await facts.status(), tokens())),
    "config.show": async () => told(configurationAnswer(facts.configuration(), tokens())),
    "message.structure": async ({ channel, epoch, seq }) =>
      told(structureAnswer(await facts.structure(channel, epoch, seq), tokens())),
    "channel.hold": async ({ channel }) => {
      await parts.holds.hold(channel);
      return told({ channel: nameFact(channel), isHeld: true });
    },
    "channel.release": async ({ channel }) => {
      await parts.holds.release(channel);
      return told({ channel: nameFact(channel), isHeld: false });
    },
    "dns.probe": probe("dns"),
    "tcp.probe": probe("tcp"),
    "tls.probe": probe("tls"),
    "bundle.create": async ({ parts: names }, signal) => ({
      ...{ kind: "bundle", plain: await makeBundle(parts, names, signal) },
    }),
    "log.excerpt": async ({ codes, from, to }) =>
      told(eventsAnswer(facts.events(), { codes, fromMs: msOf(from), toMs: msOf(to) }, tokens())),
  };
}

const told = (answer: Extract<Answered, { kind: "facts" }>["answer"]): Answered => ({
  kind: "facts",
  answer,
});

const msOf = (iso: string | undefined): number | undefined =>
  iso === undefined ? undefined : Date.parse(iso);

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
