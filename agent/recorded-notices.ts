/** What of the store's own doings the audit records: keys that go, and what is no longer what was stored (08 6). @module */
import type { AuditDraft } from "./audit/entry.ts";
import { END_UNKNOWN } from "./outbox/epochs/missing.ts";
import type { StoreNotice } from "./outbox/writing/writer-messages.ts";

const STORE = { kind: "system", id: "store" } as const;

/** Nothing of a message: numbers of rows, names of channels. */
export function draftsOf(notice: StoreNotice): AuditDraft[] {
  switch (notice.notice) {
    case "keysDeleted":
      return notice.epochs.map((epoch) => draft("key.deleted", `key epoch ${epoch}`));
    case "keysSetAside":
      return [draft("key.setAside", "keys of another store")];
    case "highWaterDamaged":
      return [draft("integrity.highWater", "high-water mark")];
    case "damaged":
      return [draft("integrity.damaged", `${notice.row.kind} ${notice.row.id}`)];
    case "missing": {
      const { channel, epoch, firstSeq, lastSeq, cause } = notice.range;
      const end = lastSeq === END_UNKNOWN ? "end unknown" : String(lastSeq);
      const place = `channel ${channel} epoch ${epoch} ${firstSeq}-${end}`;
      return [{ ...draft("integrity.missing", place), reason: cause }];
    }
    default:
      return [];
  }
}

const draft = (action: string, subject: string): AuditDraft => ({
  ...{ actor: STORE, action, subject },
});
