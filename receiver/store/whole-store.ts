/** Everything that a receiver asks of a store. @module */
import type { AlarmStore } from "./alarms.ts";
import type { ConsoleStore } from "./console.ts";
import type { HeadStore } from "./heads.ts";
import type { HourStore } from "./hours.ts";
import type { OutgoingStore } from "./outgoing.ts";
import type { OutletStore } from "./outlets.ts";
import type { RegistryStore } from "./registry.ts";
import type { Store } from "./store.ts";

export interface WholeStore
  extends Store,
    OutgoingStore,
    OutletStore,
    RegistryStore,
    HeadStore,
    AlarmStore,
    ConsoleStore,
    HourStore {}
