/** `holdfast audit`: what was decided and done here, and whether the record is what was written (08 6). @module */
import { readFileSync } from "node:fs";
import { loadLocalConfig } from "#config/local.ts";
import { type AuditEntry, readEntry } from "../audit/entry.ts";
import { type ReadHeads, readHeads } from "../audit/read-heads.ts";
import { type ChainFault, type ChainReport, verifyChain } from "../audit/verify-chain.ts";
import type { AuditStanding } from "../audit-desk.ts";
import { AgentError, codeOf } from "../errors.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { systemClock } from "../host/clock.ts";
import { entriesOf, withAudit } from "./audit-source.ts";
import { printFacts, table } from "./terminal.ts";

interface Common {
  readonly config: string;
  readonly json: boolean;
}

const DAY_MS = 86_400_000;

/** Oldest first; the newest `limit` of them. */
export async function auditShow(
  options: Common & { readonly sinceMs: number; readonly limit: number },
): Promise<ExitCode> {
  const config = loadLocalConfig(options.config);
  const shown: AuditEntry[] = [];
  await withAudit(config, async (source) => {
    for await (const row of entriesOf(source)) {
      const entry = row.atMs < options.sinceMs ? undefined : readEntry(row.bytes);
      if (entry === undefined) continue;
      shown.push(entry);
      if (shown.length > options.limit) shown.shift();
    }
  });
  printFacts(options.json, shown, () => showLines(shown));
  return EXIT.ok;
}

function showLines(entries: readonly AuditEntry[]): string[] {
  if (entries.length === 0) return ["Nothing was recorded"];
  return table([
    ["entry", "when", "who", "what", "about", "decision", "reason"],
    ...entries
      .map(({ seq, at, actor, action, subject, decision, reason }) => [
        ...[String(seq), at, `${actor.id}${actor.claimed === true ? " (claimed)" : ""}`, action],
        ...[subject ?? "-", decision ?? "-", reason ?? "-"],
      ])
      .map((row) => row.map(oneLine)),
  ]);
}

/** Whatever a name holds, a terminal is shown text (A03). */
const oneLine = (text: string): string =>
  text.replaceAll(
    /[^\x20-\x7e]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );

const FAULTS: Readonly<Record<ChainFault, string>> = {
  altered: "was altered",
  missing: "is missing, with those up to the next one",
  truncated: "is missing, though a head knows it: cut off, or an older copy was put back",
  rewritten: "is another one than the head knows: the audit was written anew from before it",
  cutEarly: "was removed before its time",
};

/** @returns 65 if the audit is not what was written, or a head cannot be used */
export async function auditVerify(
  options: Common & { readonly heads: readonly string[] },
): Promise<ExitCode> {
  const { held, report } = await withAudit(
    loadLocalConfig(options.config),
    async ({ page, standing }) => {
      const { cut, keepDays, device } = await standing();
      const found = headsIn(options.heads, device);
      const checked = await verifyChain({
        page,
        cut: cut && { throughSeq: cut.throughSeq, hash: Buffer.from(cut.hash, "hex") },
        heads: found.heads,
        keptSinceMs: systemClock.nowMs() - keepDays * DAY_MS,
      });
      return { held: found, report: checked };
    },
  );
  const isGood = report.faultCount === 0 && held.refusedCount === 0;
  const facts = { ...report, refusedHeads: held.refusedCount, good: isGood };
  printFacts(options.json, facts, () => verifyLines(report, held));
  return isGood ? EXIT.ok : EXIT.badData;
}

function verifyLines(report: ChainReport, { heads, refusedCount }: ReadHeads): string[] {
  const { firstSeq, lastSeq, entryCount, comparedCount, olderCount, findings, faultCount } = report;
  const last = heads.at(-1)?.auditSeq;
  return [
    `Entries ${firstSeq} to ${lastSeq}: ${entryCount} read`,
    ...findings.map(({ fault, seq }) => `  entry ${seq} ${FAULTS[fault]}`),
    ...(faultCount > findings.length ? [`  and ${faultCount - findings.length} more`] : []),
    ...(refusedCount === 0
      ? []
      : [`  ${refusedCount} heads are not signed by this agent's device key, or are none`]),
    ...(heads.length === 0
      ? ["  No head from elsewhere was given: that entries are missing at the end cannot be seen"]
      : [
          `  Heads that agree or were compared: ${comparedCount}, older than what is kept: ${olderCount}`,
        ]),
    ...(last === undefined ? [] : [`  What came behind entry ${last} is held against nothing`]),
    faultCount + refusedCount === 0 ? "The audit is what was written" : "THE AUDIT IS NOT GOOD",
  ];
}

function headsIn(files: readonly string[], device: AuditStanding["device"]): ReadHeads {
  if (files.length === 0) return { heads: [], refusedCount: 0 };
  if (device === undefined) throw new AgentError("DEVICE_KEY_ABSENT", {});
  const signer = { ...device, raw: Buffer.from(device.key, "hex") };
  const found = files.map((file) => {
    const read = readHeads(readText(file), signer);
    // A file that was named and holds nothing holds nothing against the audit: that is not "good".
    const isEmpty = read.heads.length === 0 && read.refusedCount === 0;
    return isEmpty ? { heads: [], refusedCount: 1 } : read;
  });
  return {
    heads: found.flatMap(({ heads }) => heads),
    refusedCount: found.reduce((sum, { refusedCount }) => sum + refusedCount, 0),
  };
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw unreadable(error);
  }
}

const unreadable = (cause: unknown): AgentError =>
  new AgentError("FILE_NOT_READABLE", { sysCode: codeOf(cause) }, { cause });
