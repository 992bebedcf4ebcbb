/** What the main thread asks of the writer when a person looks after the store. @module */

import type { PlainFault } from "../format/fault.ts";
import type { DamagedRow } from "../format/row-walk.ts";
import type { KeyFile } from "./copy-store.ts";
import type { ReplayRequest, ReplayResult } from "./replay-selection.ts";

/** With the type of their answers. */
export interface UpkeepQuestions {
  /** Copies the database into `file`, which exists and is empty. */
  copy: { readonly ask: { readonly file: string }; readonly answer: KeyFile[] };
  /** Whether one of these rows is sound here. */
  isAnySound: { readonly ask: readonly DamagedRow[]; readonly answer: boolean };
  replay: { readonly ask: ReplayRequest; readonly answer: ReplayResult };
  /** Wraps every key file anew. @returns why not, if so: the store goes on with the keys as they are */
  rekey: { readonly ask: NewKek; readonly answer: PlainFault | undefined };
}

/** The file whose key is replaced by a new one, or the key that somebody else has put in place. */
export type NewKek = (
  | {
      readonly file: string;
      /** What it holds, and the one beside it, in custody `dpapi`: the writer has no way to Windows. */
      readonly opened?: { readonly current: Uint8Array; readonly next: Uint8Array };
    }
  | { readonly kek: Uint8Array; readonly previous?: Uint8Array }
) & {
  /** A folder of other secrets that are sealed under it (07 1.1): sealed anew, too. */
  readonly secrets?: string;
};
