/**
 * The facts that may stand beside an event, an error or an alarm: a closed list of names, each with what its value may
 * be (08 PL2). Whoever needs another one adds a line here, where a reviewer asks whether it can hold a part of a message.
 *
 * @module
 */

declare const identifier: unique symbol;
/** A string checked to be safe to print: at most 64 characters of `[A-Za-z0-9_.:-]`, behind a `$` where it is a channel of our own. */
export type Identifier = string & { readonly [identifier]: true };

/** How many, how large, how long, when, or by what number. */
const COUNTS = [
  "added",
  "ageSeconds",
  "agents",
  "ballastBytes",
  "budgetBytes",
  "bytes",
  "changed",
  "channels",
  "clockSkewMs",
  "count",
  "damaged",
  "databaseBytes",
  "days",
  "deadlineMs",
  "diskBudgetBytes",
  "document",
  "durationMs",
  "endedEpoch",
  "epoch",
  "expected",
  "first",
  "firstSeq",
  "floorBytes",
  "folders",
  "found",
  "freeBytes",
  "generation",
  "goaway",
  "head",
  "highWaterBytes",
  "id",
  "index",
  "keyEpoch",
  "known",
  "lastSeq",
  "line",
  "medianMs",
  "minutes",
  "most",
  "neededBytes",
  "notTried",
  "number",
  "opened",
  "outcome",
  "p99Ms",
  "pageBytes",
  "percent",
  "pid",
  "port",
  "quarantined",
  "reject",
  "rejectCode",
  "retryAfterMs",
  "roomBytes",
  "schema",
  "seconds",
  "seq",
  "seqHigh",
  "silenceSeconds",
  "sinceMs",
  "status",
  "storeBytes",
  "stream",
  "synchronous",
  "totalBytes",
  "uid",
  "unseen",
  "unsentBytes",
  "usedBytes",
  "waitedMs",
  "waiting",
  "walBytes",
  "windowMaxHours",
] as const;

/** Whether it is so. */
const FLAGS = [
  "budget",
  "byReceiver",
  "canLink",
  "canMake",
  "closing",
  "copied",
  "counts",
  "endUnknown",
  "exists",
  "files",
  "header",
  "inStateDir",
  "isOff",
  "isWindowOpen",
  "loggedIn",
  "manifest",
  "marked",
  "newStore",
  "published",
  "quickCheck",
  "running",
  "slices",
  "wal",
] as const;

/** A name out of our own lists, of configuration, of a certificate, or of the machine. */
const WORDS = [
  "addOn",
  "address",
  "asksFor",
  "cause",
  "claim",
  "command",
  "controlId",
  "custody",
  "decision",
  "device",
  "deviceKind",
  "digest",
  "drive",
  "error",
  "fault",
  "file",
  "fileSystem",
  "fingerprint",
  "flaw",
  "folder",
  "issuer",
  "key",
  "kind",
  "missing",
  "module",
  "need",
  "op",
  "part",
  "peer",
  "reason",
  "result",
  "rule",
  "runbook",
  "serial",
  "severity",
  "state",
  "step",
  "sysCode",
  "task",
  "type",
  "until",
  "was",
  "what",
  "why",
] as const;

/** One or the other, as the event says. */
const MIXED = ["account", "channel", "code", "mode", "otherKek", "quarantine", "removed"] as const;

type Of<Names extends readonly string[], Value> = { readonly [Name in Names[number]]?: Value };

/** Numbers, truths and names only. A message body, a name or a patient identifier has no way in. */
export type Facts = Of<typeof COUNTS, number | bigint> &
  Of<typeof FLAGS, boolean> &
  Of<typeof WORDS, Identifier> &
  Of<typeof MIXED, number | bigint | boolean | Identifier>;
export type FactName = keyof Facts;

export const FACT_NAMES: readonly FactName[] = [...COUNTS, ...FLAGS, ...WORDS, ...MIXED];

/** The same facts, and the compiler looks at every name: a variable of facts may hold more than its use shows. */
export type Only<Given extends Facts> = Given & {
  readonly [Name in Exclude<keyof Given, FactName>]: never;
};
