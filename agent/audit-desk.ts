/** What a person on this machine reads of the audit: entries, and what it takes to check them (08 6). @module */
import { cutIn } from "./audit/audit-upkeep.ts";
import type { TrustStore } from "./outbox/trust/trust-store.ts";
import type { Recording } from "./recording.ts";

/** An entry on its way to a command. */
export interface AuditLine {
  readonly seq: number;
  readonly atMs: number;
  readonly base64: string;
  /** Hexadecimal. */
  readonly hash: string;
}

export interface AuditStanding {
  readonly lastSeq: number;
  /** Where older entries were cut off. */
  readonly cut: { readonly throughSeq: number; readonly hash: string } | undefined;
  readonly keepDays: number;
  /** Whose heads count. */
  readonly device:
    | { readonly key: string; readonly tenant: string; readonly agent: string }
    | undefined;
}

export interface AuditDeskParts {
  readonly recording: Recording;
  readonly trust: TrustStore;
  readonly keepDays: number;
}

export class AuditDesk {
  readonly #parts: AuditDeskParts;

  constructor(parts: AuditDeskParts) {
    this.#parts = parts;
  }

  /** Entries after a seq, oldest first, at most 500. */
  async page(afterSeq: number, limit: number): Promise<AuditLine[]> {
    const rows = await this.#parts.trust.auditPage(afterSeq, limit);
    return rows.map(({ seq, atMs, bytes, hash }) => ({
      ...{ seq, atMs, base64: Buffer.from(bytes).toString("base64") },
      hash: Buffer.from(hash).toString("hex"),
    }));
  }

  async standing(): Promise<AuditStanding> {
    const { recording, trust, keepDays } = this.#parts;
    const { signer, audit } = recording;
    const cut = await cutIn({ trust, key: signer?.key });
    return {
      lastSeq: audit.head.seq,
      cut: cut && { throughSeq: cut.throughSeq, hash: Buffer.from(cut.hash).toString("hex") },
      keepDays,
      device: signer && {
        key: Buffer.from(signer.key.raw).toString("hex"),
        ...{ tenant: signer.tenant, agent: signer.agent },
      },
    };
  }

  /** An envelope, as text (07 2.13). @throws {AgentError} `DEVICE_KEY_ABSENT` */
  async signedStatus(): Promise<string> {
    return Buffer.from(await this.#parts.recording.signedStatus()).toString("utf8");
  }
}
