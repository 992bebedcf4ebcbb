/** `holdfast update apply`: the updater itself, as its unit runs it; by hand it has systemd start that unit. @module */
import { loadLocalConfig } from "#config/local.ts";
import { refuseUnprotected } from "#config/local-file.ts";
import { MarksFile } from "#releases/marks-file.ts";
import { EMBEDDED_TRUST, type ReleaseTrust } from "#releases/root.ts";
import { AgentError, identifierFrom } from "../errors.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { accountNamed } from "../host/accounts.ts";
import { systemClock } from "../host/clock.ts";
import { ask } from "../service/linux/system-tools.ts";
import { SERVICE_ACCOUNT } from "../service/linux/unit-places.ts";
import { readApproval } from "../updater/approval.ts";
import { candidateFor } from "../updater/candidate.ts";
import { type Journal, JournalFile, type Outcome } from "../updater/journal.ts";
import { placesIn, UPDATER, UPDATER_FOLDER } from "../updater/places.ts";
import { SystemHands } from "../updater/system-hands.ts";
import { type Run, Updater, type Waiting } from "../updater/updater.ts";
import { printFacts } from "./terminal.ts";
import { refuseUnlessHere } from "./update.ts";

export interface ApplyOptions {
  readonly config: string;
  readonly json: boolean;
  /** This is the unit's process. */
  readonly here: boolean;
}

const PLACES = placesIn(UPDATER_FOLDER);

/** @returns 65 if the package was refused, 69 if it went back, 75 if the next run has to go on */
export async function updateApply(options: ApplyOptions): Promise<ExitCode> {
  const platform = refuseUnlessHere();
  const journal = new JournalFile(PLACES.journal);
  const found = journal.read();
  if (found === undefined) throw new AgentError("UPDATE_OFF", {});
  if (!options.here) return byUnit(journal, options.json);
  const trust: ReleaseTrust | undefined = EMBEDDED_TRUST;
  if (trust === undefined) throw new AgentError("RELEASE_ROOT_ABSENT", {});
  const { policy, stateDir, configSource } = loadLocalConfig(options.config);
  refuseWritable(options.config, configSource);
  const marks = new MarksFile(PLACES.marks);
  const nowMs = (): number => systemClock.nowMs();
  const updater = new Updater(
    {
      ...{ journal, marks, policy, clock: systemClock },
      hands: new SystemHands(stateDir, PLACES.packages),
      approval: () => readApproval(stateDir),
      candidate: (approval, standing) =>
        candidateFor(approval, standing, { places: PLACES, trust, marks, nowMs, platform }),
    },
    found,
  );
  const ran = await updater.run();
  printFacts(options.json, ran, () => [lineOf(ran)]);
  return exitOf(ran);
}

/** One at a time: systemd sees to that. */
function byUnit(journal: JournalFile, json: boolean): ExitCode {
  const before = journal.read();
  ask("systemctl", ["start", "--wait", UPDATER]);
  const after = journal.read();
  const outcome = after?.outcome;
  const isNew = outcome !== undefined && outcome.at !== before?.outcome?.at;
  const facts = { step: after?.step, outcome: isNew ? outcome : undefined };
  printFacts(json, facts, () => [
    isNew
      ? outcomeLine(outcome)
      : "Nothing came of it: holdfast update status says what it waits for",
  ]);
  return exitOf(ranAs(after, isNew ? outcome : undefined));
}

function ranAs(journal: Journal | undefined, outcome: Outcome | undefined): Run {
  if (outcome !== undefined) return { kind: "ended", outcome };
  const step = journal?.step ?? "idle";
  return step === "idle" ? { kind: "waiting", why: "notApproved" } : { kind: "unfinished", step };
}

/** Whoever has taken the service over must not write the policy that it is judged by (07 2.7). */
function refuseWritable(file: string, source: "local" | "signed"): void {
  const account = accountNamed(SERVICE_ACCOUNT);
  if (account !== undefined) {
    refuseUnprotected(file, source, { uid: account.uid, gids: [account.gid] });
  }
}

function exitOf(ran: Run): ExitCode {
  if (ran.kind === "waiting") return EXIT.ok;
  if (ran.kind === "unfinished") return fault("UPDATE_UNDER_WAY");
  const { kind, reason } = ran.outcome;
  if (kind === "committed") return EXIT.ok;
  return fault(kind === "refused" ? "UPDATE_REFUSED" : "UPDATE_WENT_BACK", reason);
}

function fault(code: "UPDATE_UNDER_WAY" | "UPDATE_REFUSED" | "UPDATE_WENT_BACK", reason?: string) {
  const facts = reason === undefined ? {} : { reason: identifierFrom(reason) };
  const { summary, remedy, exit } = new AgentError(code, facts);
  console.error(
    `holdfast: ${summary} [${code}]${reason === undefined ? "" : `: ${reason}`}\n  ${remedy}`,
  );
  return exit;
}

const WAITS: Readonly<Record<Waiting, string>> = {
  off: "policy.updates.mode is not apply",
  notApproved: "Nothing is approved",
  approvalMode: "policy.approval asks for signatures, which an update cannot carry in this version",
  window: "No change window is open",
  notServing: "The service does not answer: there is nothing to compare a new version with",
  notCurrent:
    "Another version is installed than the updater has a package of: holdfast update enable FILE",
};

function lineOf(ran: Run): string {
  if (ran.kind === "waiting") return WAITS[ran.why];
  if (ran.kind === "unfinished") return `Not finished: ${ran.step}`;
  return outcomeLine(ran.outcome);
}

function outcomeLine({ kind, from, to = "?", reason = "" }: Outcome): string {
  if (kind === "committed") return `${to} runs, in the place of ${from}`;
  if (kind === "wentBack") return `${from} runs again: ${to} was not kept (${reason})`;
  return `Refused: ${reason}`;
}
