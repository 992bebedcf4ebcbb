/** `holdfast drill …`: the tunnel is held down on purpose, and what piles up and leaves again is shown. @module */
import { loadLocalConfig } from "#config/local.ts";
import type { DrillAnswer } from "../drill-questions.ts";
import { AgentError } from "../errors.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { systemClock } from "../host/clock.ts";
import type { DrillChannelReport, DrillOutcome, DrillReport } from "../outage-drill-report.ts";
import { question } from "./question.ts";
import { printFacts, readableBytes, table } from "./terminal.ts";

interface Common {
  readonly config: string;
  readonly json: boolean;
}

const LOOK_MS = 500;
/** Between two lines that say how far it is. */
const SAY_MS = 10_000;

const EXITS: Readonly<Record<DrillOutcome, ExitCode>> = {
  complete: EXIT.ok,
  running: EXIT.ok,
  setAside: EXIT.badData,
  incomplete: EXIT.tryAgain,
};

/**
 * Begins one, and waits for its end; it goes on if this command ends before.
 *
 * @returns 0 if the receiver has acknowledged all that was accepted meanwhile, 65 if it refused some, 75 if some wait
 * @throws {AgentError} `DRILL_REFUSED`, `AUDIT_UNWRITABLE`, `AGENT_NOT_RUNNING`
 */
export async function drillOutage(
  options: Common & { readonly minutes: number; readonly reason: string },
): Promise<ExitCode> {
  const { minutes, reason, json } = options;
  await asked(options, { ask: "drillStart", minutes, reason });
  console.error(
    `holdfast: the tunnel is held down for ${minutes} min; it goes on if this command ends: holdfast drill stop ends it`,
  );
  let saidMs = systemClock.monotonicMs();
  for (;;) {
    const report = await asked(options, { ask: "drillStatus" });
    // The agent was started anew meanwhile.
    if (report === null) throw new AgentError("DRILL_INTERRUPTED", {});
    if (report.state === "over") return shown(json, report);
    if (systemClock.monotonicMs() - saidMs >= SAY_MS) {
      saidMs = systemClock.monotonicMs();
      console.error(`holdfast: ${progressOf(report)}`);
    }
    await new Promise<void>((resolve) => void systemClock.after(LOOK_MS, resolve));
  }
}

export async function drillStatus(options: Common): Promise<ExitCode> {
  return shown(options.json, await asked(options, { ask: "drillStatus" }));
}

/** @throws {AgentError} `AUDIT_UNWRITABLE`, `AGENT_NOT_RUNNING` */
export async function drillStop(options: Common): Promise<ExitCode> {
  return shown(options.json, await asked(options, { ask: "drillStop" }));
}

async function asked({ config }: Common, request: object): Promise<DrillReport | null> {
  const { stateDir } = loadLocalConfig(config);
  const answer = (await question(stateDir, request)) as DrillAnswer;
  if ("fault" in answer) throw new AgentError(answer.fault.code, answer.fault.facts);
  return answer.done;
}

function shown(json: boolean, report: DrillReport | null): ExitCode {
  printFacts(json, report, () => (report === null ? ["No drill since the start"] : lines(report)));
  return report === null ? EXIT.ok : EXITS[report.outcome];
}

const progressOf = ({
  state,
  heldSeconds,
  minutes,
  backlog,
  backlogBytes,
  channels,
}: DrillReport) =>
  state === "held"
    ? `down for ${Math.round(heldSeconds)} of ${minutes * 60} s: ${backlog} messages wait, ${readableBytes(backlogBytes)}`
    : `up again: of ${backlog} messages, ${channels.reduce((all, one) => all + one.waiting, 0)} of the drill still wait`;

const ENDS: Readonly<Record<string, string>> = {
  time: "as planned",
  person: "by holdfast drill stop",
  room: "early: the store would not have lasted",
  trouble: "early: an alarm opened that no drill may make worse (holdfast status)",
  configuration: "early: a configuration is changed",
};

function lines(report: DrillReport): string[] {
  const { state, by, reason, startedAt, minutes, heldSeconds, releasedBecause } = report;
  const first = `outage drill: ${state}, begun ${startedAt} by ${by} for ${minutes} min (${reason})`;
  const second =
    releasedBecause === undefined
      ? `down for ${heldSeconds} s`
      : `down for ${heldSeconds} s, ended ${ENDS[releasedBecause] ?? releasedBecause}`;
  return [
    ...[first, second, ""],
    ...table([
      ["time", "waiting", "bytes"],
      ...report.samples.map(({ atSeconds, waiting, waitingBytes }) => [
        ...[`${atSeconds} s`, String(waiting), readableBytes(waitingBytes)],
      ]),
    ]),
    "",
    ...table([
      [
        "channel",
        "accepted",
        "backlog",
        "acknowledged",
        "set aside",
        "still waiting",
        "drained in",
      ],
      ...report.channels.map(row),
    ]),
    ...["", verdictOf(report)],
  ];
}

const row = (one: DrillChannelReport): string[] => [
  ...[one.name, `${one.accepted}`, `${one.backlog}`, `${one.acknowledged}`, `${one.setAside}`],
  `${one.waiting}${one.isHeld ? " (held)" : ""}`,
  one.drainSeconds === undefined ? "-" : `${one.drainSeconds} s`,
];

function verdictOf({ outcome, accepted, acknowledged, setAside, ...report }: DrillReport): string {
  const { reconnectSeconds = 0, drainSeconds = 0 } = report;
  switch (outcome) {
    case "running":
      return "Not over yet: nobody can say what is lost before all has left";
    case "complete":
      return `No loss: the receiver has acknowledged all ${accepted} messages that were accepted meanwhile; connected after ${reconnectSeconds} s, all had left after ${drainSeconds} s`;
    case "setAside":
      return `The receiver refused ${setAside} of ${accepted}; they are kept: holdfast quarantine list, holdfast report`;
    case "incomplete":
      return `${accepted - acknowledged - setAside} of ${accepted} still wait here, and are kept: see why with holdfast status`;
  }
}
