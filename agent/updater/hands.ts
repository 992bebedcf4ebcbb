/** What the updater does to the machine, and what it sees of it. @module */
import type { KeptRelease, Outcome, Served } from "./journal.ts";

export interface Hands {
  /** What the service that systemd runs does now; `undefined` if it does not answer, or its store does not. */
  serving(): Promise<Served | undefined>;
  /** Of the store that a kept package's program writes (05 S5); `undefined` where the package says none. */
  storeSchema(release: KeptRelease): number | undefined;
  /** Keeps the files of the program that is installed: whole when it returns, and the only ones kept. */
  save(): void;
  /** Puts them back, each whole; what runs goes on running. */
  restore(): void;
  /** Has the package manager install a kept package; what runs goes on running. @returns whether it did */
  install(release: KeptRelease): boolean;
  /** Ends what runs in order, and starts what is installed. Returns before either is done. */
  exchange(): void;
  /** Ends what runs at once. */
  kill(): void;
  /** From now on the updater is run from the program that is installed. */
  keepOwn(): void;
  /** Forgets all kept packages but these. */
  keepOnly(digests: readonly string[]): void;
  /** Has the agent write it into its audit. @returns whether it has */
  tell(outcome: Outcome): Promise<boolean>;
  pause(forMs: number): Promise<void>;
}
