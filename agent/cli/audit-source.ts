/** Where commands read the audit: from the agent that runs, or from the store of one that does not. @module */
import type { LocalConfig } from "#config/local.ts";
import { CUT_VALUE, readCut } from "../audit/cut.ts";
import { isSignedBy } from "../audit/device-key.ts";
import type { AuditLine, AuditStanding } from "../audit-desk.ts";
import { AgentError } from "../errors.ts";
import { identityStore } from "../identity-desk.ts";
import { StoppedAudit } from "../outbox/trust/stopped-audit.ts";
import type { AuditRow } from "../outbox/trust/trust-messages.ts";
import { question } from "./question.ts";

export interface AuditSource {
  /** Entries after a seq, oldest first. */
  readonly page: (afterSeq: number, limit: number) => Promise<readonly AuditRow[]>;
  readonly standing: () => Promise<Pick<AuditStanding, "cut" | "keepDays" | "device">>;
}

const PAGE_ROWS = 500;

/** @throws {AgentError} `AGENT_NOT_RUNNING` where there is no store either; `AGENT_NOT_REACHABLE`, `STORE_*`, `IDENTITY_*` */
export async function withAudit<T>(
  config: LocalConfig,
  read: (source: AuditSource) => Promise<T>,
): Promise<T> {
  const absent = await whyNotRunning(config.stateDir);
  if (absent === undefined) return await read(running(config.stateDir));
  using store = StoppedAudit.open(config.stateDir);
  if (store === undefined) throw absent;
  console.error("No agent runs: read from its store");
  return await read(stopped(store, config));
}

export async function* entriesOf({ page }: AuditSource): AsyncGenerator<AuditRow> {
  for (let after = 0; ; ) {
    const rows = await page(after, PAGE_ROWS);
    yield* rows;
    const last = rows.at(-1);
    if (last === undefined) return;
    after = last.seq;
  }
}

async function whyNotRunning(stateDir: string): Promise<AgentError | undefined> {
  try {
    await question(stateDir, { ask: "auditPage", afterSeq: Number.MAX_SAFE_INTEGER, limit: 1 });
    return undefined;
  } catch (error) {
    if (error instanceof AgentError && error.code === "AGENT_NOT_RUNNING") return error;
    throw error;
  }
}

const running = (stateDir: string): AuditSource => ({
  page: async (afterSeq, limit) => {
    const lines = (await question(stateDir, { ask: "auditPage", afterSeq, limit })) as AuditLine[];
    return lines.map(({ seq, atMs, base64, hash }) => ({
      ...{ seq, atMs, bytes: Buffer.from(base64, "base64"), hash: Buffer.from(hash, "hex") },
    }));
  },
  standing: async () => (await question(stateDir, { ask: "auditStanding" })) as AuditStanding,
});

const stopped = (store: StoppedAudit, config: LocalConfig): AuditSource => ({
  page: async (afterSeq, limit) => store.page(afterSeq, limit),
  standing: async () => {
    const device = deviceOf(config);
    const bytes = store.value(CUT_VALUE);
    const cut =
      bytes === undefined || device === undefined
        ? undefined
        : readCut(bytes, (signed, signature) =>
            isSignedBy(Buffer.from(device.key, "hex"), signed, signature),
          );
    return {
      cut: cut && { throughSeq: cut.throughSeq, hash: Buffer.from(cut.hash).toString("hex") },
      keepDays: config.auditKeepDays,
      device,
    };
  },
});

/** The public half stands beside the keys, so that none of them is opened. */
function deviceOf(config: LocalConfig): AuditStanding["device"] {
  if (config.identity !== undefined) return undefined;
  const store = identityStore(config, undefined);
  const meta = (store.current ?? store.enrolled ?? store.next)?.readMeta();
  if (meta === undefined || meta.devicePublicKey === null) return undefined;
  const { tenant, agent, devicePublicKey } = meta;
  return { key: Buffer.from(devicePublicKey, "base64").toString("hex"), tenant, agent };
}
