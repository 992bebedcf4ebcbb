/**
 * The audit in the running agent: opened behind the store, fed by every part, closed before it (08 6).
 *
 * @module
 */
import type { SiemConfig } from "#config/siem.ts";
import { Audit } from "./audit/audit.ts";
import { AuditUpkeep } from "./audit/audit-upkeep.ts";
import { adoptCut } from "./audit/cut.ts";
import type { DeviceKey } from "./audit/device-key.ts";
import type { AuditDraft } from "./audit/entry.ts";
import { type HeadStanding, Heads } from "./audit/heads.ts";
import { alarmSpool, entrySpool, headSpool } from "./audit-spool.ts";
import { AgentError } from "./errors.ts";
import type { Alarms } from "./health/alarms.ts";
import type { Conditions } from "./health/conditions.ts";
import type { Chance, Clock } from "./host/clock.ts";
import type { Log } from "./host/log.ts";
import type { LastGoodState, TrustQuestion } from "./marks/judge-trust-state.ts";
import { readLastGood } from "./marks/last-good.ts";
import { MarksFiles } from "./marks/marks-files.ts";
import { isNewlyEnrolled } from "./marks/new-enrolment.ts";
import { TrustKeeper } from "./marks/trust-keeper.ts";
import type { Outbox } from "./outbox/outbox.ts";
import type { TrustSnapshot } from "./outbox/trust/trust-messages.ts";
import type { StoreNotice } from "./outbox/writing/writer-messages.ts";
import { draftsOf } from "./recorded-notices.ts";
import { SiemFeed } from "./siem/siem-feed.ts";
import { siemTls } from "./siem/siem-tls.ts";
import { sendHead } from "./status-channel.ts";

/** Who this agent is, once it is enrolled. An identity that was put in place by hand has no device key. */
export interface DeviceIdentity {
  readonly key: DeviceKey;
  readonly tenant: string;
  readonly agent: string;
  /** Of the identity (07 1.6). */
  readonly generation: () => number;
  /** The device key of the identity before, while that is kept. */
  readonly former?: () => DeviceKey | undefined;
}

export interface RecordingOptions {
  readonly outbox: Outbox;
  readonly stateDir: string;
  readonly version: string;
  readonly auditKeepDays: number;
  readonly siem?: SiemConfig | undefined;
  /** What goes to the SIEM beside the audit. */
  readonly alarms?: Pick<Alarms, "after" | "onEvents"> | undefined;
  readonly configSource: TrustQuestion["configSource"];
  /** SHA-256 of `local.yaml`, hexadecimal. */
  readonly policyDigest?: string | undefined;
  /** Absent: no heads are made, and no marks are kept. */
  readonly device?: DeviceIdentity | undefined;
  /** Looks at the bundle in `trust/last-good`; absent: none can be used. */
  readonly inspectLastGood?: (bundle: Uint8Array) => LastGoodState;
  /** What heads say besides the marks. */
  readonly standing?: () => Pick<HeadStanding, "state" | "clockSkewMs"> &
    Partial<Pick<HeadStanding, "effectiveDigest">>;
  /** Whether what lies beside the marks in the store cannot be read. */
  readonly isDamaged?: (snapshot: TrustSnapshot) => boolean;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly log: Log;
  readonly conditions: Conditions;
  /** What the store said while it was opened. */
  readonly notices?: readonly StoreNotice[];
}

const SYSTEM = { kind: "system", id: "agent" } as const;
export const POLICY_DIGEST_VALUE = "policy.digest";

export class Recording implements AsyncDisposable {
  readonly audit: Audit;
  readonly keeper: TrustKeeper;
  readonly #options: RecordingOptions;
  readonly #upkeep: AuditUpkeep;
  #heads: Heads | undefined;
  #siem: SiemFeed | undefined;

  private constructor(options: RecordingOptions, audit: Audit, keeper: TrustKeeper) {
    this.#options = options;
    this.audit = audit;
    this.keeper = keeper;
    const { clock, log, conditions, device, auditKeepDays, outbox } = options;
    const parts = { audit, trust: outbox.trust, clock, log, conditions };
    this.#upkeep = new AuditUpkeep({ ...parts, keepDays: auditKeepDays, key: device?.key });
  }

  /**
   * Judges trust state, records the start, and begins to send.
   *
   * @throws {AgentError} `TRUST_UNUSABLE`: no listener may open; `STORE_*`. An audit that takes no entries is a
   *   condition: messages flow
   */
  static async open(options: RecordingOptions): Promise<Recording> {
    const { outbox, clock, conditions } = options;
    const keeper = await openKeeper(options);
    const audit = await Audit.open({
      ...{ trust: outbox.trust, clock, conditions },
      afterCommit: (change) => keeper.committed(change),
    });
    const recording = new Recording(options, audit, keeper);
    await recording.#started();
    await recording.rekeyed();
    for (const notice of options.notices ?? []) recording.hear(notice);
    await recording.#send();
    return recording;
  }

  /** What the store found or did by itself. */
  hear(notice: StoreNotice): void {
    const drafts = draftsOf(notice);
    if (drafts.length > 0) this.note(drafts);
  }

  /** Records what has happened already: nobody waits for it. */
  note(drafts: readonly AuditDraft[]): void {
    void this.audit.note(drafts).catch((error: unknown) => this.#failed(error));
  }

  /** Another identity may be in use, with another device key. Never rejects: the next start does it. */
  async rekeyed(): Promise<void> {
    const { device, outbox, clock } = this.#options;
    if (device === undefined) return;
    const parts = { audit: this.audit, trust: outbox.trust };
    const former = device.former?.();
    await adoptCut(parts, device.key, { former, atMs: clock.nowMs() }).catch((error: unknown) =>
      this.#failed(error),
    );
  }

  /** Since when the SIEM has not taken something, ms since 1970. @throws {AgentError} `STORE_*` */
  async siemWaitsSinceMs(): Promise<number | undefined> {
    return await this.#siem?.waitsSinceMs();
  }

  /** A status document now (07 2.13). @throws {AgentError} `DEVICE_KEY_ABSENT` without a device key */
  async signedStatus(): Promise<Uint8Array> {
    if (this.#heads === undefined) throw new AgentError("DEVICE_KEY_ABSENT", {});
    return (await this.#heads.make()).envelope;
  }

  /** What `audit show` and `audit verify` need to know besides the entries. */
  get signer(): DeviceIdentity | undefined {
    return this.#options.device;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.audit
      .record([{ actor: SYSTEM, action: "agent.stopped" }])
      .catch((error: unknown) => this.#failed(error));
    await this.#upkeep[Symbol.asyncDispose]();
    await this.audit[Symbol.asyncDispose]();
    await this.#heads?.[Symbol.asyncDispose]();
    await this.#siem?.[Symbol.asyncDispose]();
  }

  async #started(): Promise<void> {
    const { version, policyDigest, outbox, device, stateDir } = this.#options;
    const values = new Map<string, Uint8Array>(this.keeper.freezeValues);
    const drafts: AuditDraft[] = [{ actor: SYSTEM, action: "agent.started", subject: version }];
    if (device !== undefined && isNewlyEnrolled(stateDir, device.key.raw)) {
      const subject = `${device.tenant}/${device.agent}`;
      drafts.push({ actor: SYSTEM, action: "identity.enrolled", subject });
    }
    const { verdict, frozen } = this.keeper;
    if (verdict.kind === "frozen") {
      const action = frozen === undefined ? "trust.damaged" : "trust.frozen";
      drafts.push({ actor: SYSTEM, action, reason: verdict.cause });
    }
    const before = (await outbox.trust.load()).values.get(POLICY_DIGEST_VALUE);
    const known = before === undefined ? undefined : Buffer.from(before).toString("latin1");
    if (policyDigest !== undefined && policyDigest !== known) {
      values.set(POLICY_DIGEST_VALUE, Buffer.from(policyDigest));
      const reason = known === undefined ? "first" : `was ${known}`;
      drafts.push({ actor: SYSTEM, action: "policy.changed", subject: policyDigest, reason });
    }
    await this.audit
      .record(drafts, values.size === 0 ? {} : { values })
      .catch((error: unknown) => this.#failed(error));
  }

  async #send(): Promise<void> {
    const { outbox, device, version, siem, clock, chance, log, conditions } = this.#options;
    const { trust } = outbox;
    if (siem !== undefined) {
      const tls = { ...siem, certificateFile: siem.certificateFile, keyFile: siem.keyFile };
      const alarms = siem.alarms ? this.#options.alarms : undefined;
      const rows = [
        ...(siem.content === "entries" ? [entrySpool(trust)] : []),
        ...(alarms === undefined ? [] : [alarmSpool(trust, alarms)]),
      ];
      this.#siem = await SiemFeed.open({
        endpoint: { host: siem.host, port: siem.port, tls: () => siemTls(tls) },
        rows: [...rows, headSpool(trust)],
        ...{ clock, chance, log, conditions },
      });
      alarms?.onEvents(() => this.#siem?.wake());
      if (siem.content === "entries") this.audit.onRecorded(() => this.#siem?.wake());
    }
    if (device === undefined) return;
    const { key, tenant, agent } = device;
    this.#heads = await Heads.open({
      ...{ audit: this.audit, trust, key, tenant, agent, version, clock, chance, log },
      standing: () => this.#standing(device),
      send: (head) => sendHead(outbox, head),
      onMade: () => this.#siem?.wake(),
    });
  }

  #standing({ generation }: DeviceIdentity): HeadStanding {
    const { trustVersion, epoch, seqHigh, effectiveDigest } = this.keeper.marks;
    const said = this.#options.standing?.() ?? { state: null, clockSkewMs: null };
    return {
      ...{ trustVersion, epoch, seqHigh, effectiveDigest: effectiveDigest ?? null },
      ...{ ...said, generation: generation() },
    };
  }

  /** The condition says it already. */
  #failed(error: unknown): void {
    const fault =
      error instanceof AgentError ? error : new AgentError("AGENT_DEFECT", {}, { cause: error });
    this.#options.log.fault("auditFailed", fault);
  }
}

async function openKeeper(options: RecordingOptions): Promise<TrustKeeper> {
  const { outbox, stateDir, device, configSource, clock, conditions, log, isDamaged } = options;
  const bundle = readLastGood(stateDir);
  const snapshot = await outbox.trust.load();
  const isBroken = isDamaged?.(snapshot) === true;
  return new TrustKeeper({
    snapshot: isBroken ? { ...snapshot, damaged: [...snapshot.damaged, "config"] } : snapshot,
    files: device === undefined ? undefined : MarksFiles.open(stateDir, device.key),
    lastGood: typeof bundle === "string" ? lastGoodOf(bundle) : inspected(options, bundle),
    ...{ configSource, clock, conditions, log },
    isNewlyEnrolled: device !== undefined && isNewlyEnrolled(stateDir, device.key.raw),
  });
}

const lastGoodOf = (found: "absent" | "unreadable"): LastGoodState => ({
  kind: found === "absent" ? "absent" : "unusable",
});

const inspected = ({ inspectLastGood }: RecordingOptions, bundle: Uint8Array): LastGoodState =>
  inspectLastGood?.(bundle) ?? { kind: "unusable" };
