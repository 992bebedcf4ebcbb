/** How the doors of a receiver are asked: where it is, and in what time; whatever is asked. @module */
import type { Clock } from "../host/clock.ts";
import { type DoorAnswer, post } from "../tunnel/post.ts";
import type { HttpProxy } from "../tunnel/proxy.ts";
import type { TlsIdentity } from "../tunnel/secure.ts";

export interface Way {
  readonly receiverUrl: URL;
  readonly proxy: HttpProxy | undefined;
  readonly clock: Clock;
  /** Gives up whatever is under way. */
  readonly signal: AbortSignal;
}

/** Asks one door. @throws {AgentError} as `post` does */
export type Ask = (identity: TlsIdentity, path: string, body: object) => Promise<DoorAnswer>;

export const askOn =
  (way: Way): Ask =>
  (identity, path, body) =>
    post({ ...way, identity, path, body });
