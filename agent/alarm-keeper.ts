/** Alarms as one value of the store: read at the start, replaced with each event. @module */
import type { AlarmKeeper, KeptAlarms } from "./health/alarms.ts";
import type { TrustStore } from "./outbox/trust/trust-store.ts";

const VALUE = "note.alarms";
const NOTHING: KeptAlarms = { open: [], events: [], lastNumber: 0 };

export function alarmKeeper(trust: Pick<TrustStore, "load" | "note">): AlarmKeeper {
  return {
    load: async () => {
      const bytes = (await trust.load()).values.get(VALUE);
      return bytes === undefined ? NOTHING : parsed(Buffer.from(bytes).toString("utf8"));
    },
    save: (kept) => trust.note({ values: new Map([[VALUE, Buffer.from(JSON.stringify(kept))]]) }),
  };
}

/** What we wrote ourselves; what a damaged disk made of it is nothing, and what is ill opens again. */
function parsed(text: string): KeptAlarms {
  try {
    const { open, events, lastNumber } = JSON.parse(text) as Partial<KeptAlarms>;
    const isWhole =
      Array.isArray(open) && Array.isArray(events) && Number.isSafeInteger(lastNumber);
    return isWhole ? ({ open, events, lastNumber } as KeptAlarms) : NOTHING;
  } catch {
    return NOTHING;
  }
}
