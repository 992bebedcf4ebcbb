/** What every file of this part works with. @module */
import type { FolderHand, HandOptions } from "../../folders/hand.ts";
import type { PickupMethod, PickupMethods } from "../../folders/messages.ts";
import type { Conditions } from "../../health/conditions.ts";
import type { Chance, Clock } from "../../host/clock.ts";
import type { Log } from "../../host/log.ts";
import type { Doorway } from "../accept.ts";
import type { AcceptingChannel } from "../channel.ts";
import type { FileClaims } from "./claims.ts";
import type { FileDropSettings } from "./settings.ts";
import type { Wake } from "./wake.ts";

/** A worker as this part knows it. */
export interface PickupHand extends Pick<FolderHand, "onHint" | "abort"> {
  call<M extends PickupMethod>(
    method: M,
    ask: PickupMethods[M]["ask"],
  ): Promise<PickupMethods[M]["answer"]>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface FileDropParts {
  readonly channel: AcceptingChannel;
  readonly settings: FileDropSettings;
  readonly claims: FileClaims;
  /** Starts a worker. @throws {AgentError} `FOLDER_SILENT` */
  readonly openHand: (options: HandOptions) => Promise<PickupHand>;
  readonly doorway: Doorway;
  readonly conditions: Conditions;
  readonly clock: Clock;
  readonly chance: Chance;
  /** Files of a group that is claimed, and committed, together; `FILE_GROUP_MAX_COUNT` if not said. */
  readonly groupMaxCount?: number;
  readonly log: Log;
}

/** With a worker that serves the folder. */
export interface ServedParts extends FileDropParts {
  readonly hand: PickupHand;
  /** The agent stops: what is in hand is finished, and nothing new is begun. */
  readonly stopping: AbortSignal;
  /** Woken when the store may take more than it did. */
  readonly room: Wake;
}
