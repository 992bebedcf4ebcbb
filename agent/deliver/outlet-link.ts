/**
 * The way to one target folder: a worker, opened when it is needed, and again when it is gone (04 P46). Where the folder
 * was at first is kept here, whatever becomes of workers (P47).
 *
 * @module
 */
import { AgentError } from "../errors.ts";
import type { Isolation } from "../folders/conversation.ts";
import { FolderHand } from "../folders/hand.ts";
import type { FolderMethods } from "../folders/methods.ts";
import type {
  OutletAnswer,
  OutletMethod,
  OutletMethods,
  OutletSettings,
  OutletStanding,
  Uncollected,
} from "../folders/outlet-messages.ts";
import { isolationFor } from "../folders/share-kind.ts";
import type { Clock } from "../host/clock.ts";

export interface OutletLinkParts {
  readonly settings: Omit<OutletSettings, "mark">;
  readonly silenceMs: number;
  readonly clock: Clock;
  /** Told what a crash had left. */
  readonly onLeftovers: (count: number) => void;
}

export class OutletLink {
  readonly #parts: OutletLinkParts;
  #hand: FolderHand | undefined;
  #opening: Promise<FolderHand> | undefined;
  #mark: OutletSettings["mark"];
  #isAborted = false;
  /** A thread that hangs cannot be ended: there is no second one. */
  #hasBeenSilent = false;

  constructor(parts: OutletLinkParts) {
    this.#parts = parts;
  }

  /** That files can be written there. @throws {AgentError} `FOLDER_FAILED`, `FOLDER_MOVED`, `FOLDER_SILENT` */
  look(): Promise<undefined> {
    return this.#call("outletLook", undefined);
  }

  /** @throws {AgentError} as `look` */
  write(ask: OutletMethods["outletWrite"]["ask"]): Promise<OutletAnswer> {
    return this.#call("outletWrite", ask);
  }

  /** @throws {AgentError} as `look` */
  drop(): Promise<undefined> {
    return this.#call("outletDrop", undefined);
  }

  /** That it is the folder, and what lies there. @throws {AgentError} as `look` */
  uncollected(forMs: number): Promise<Uncollected> {
    return this.#call("outletUncollected", { forMs });
  }

  /** @throws {AgentError} as `look` */
  prune(beforeMs: number): Promise<OutletMethods["outletPrune"]["answer"]> {
    return this.#call("outletPrune", { beforeMs });
  }

  /** Ends the worker now. What it wrote and nobody has seen is removed at the next start. */
  abort(): void {
    this.#isAborted = true;
    this.#hand?.abort();
    this.#hand = undefined;
  }

  async #call<M extends OutletMethod>(
    method: M,
    ask: FolderMethods[M]["ask"],
  ): Promise<FolderMethods[M]["answer"]> {
    const hand = this.#hand ?? (await this.#open());
    try {
      return await hand.call(method, ask);
    } catch (error) {
      if (isSilent(error) && this.#hand === hand) this.#hand = undefined;
      this.#hasBeenSilent ||= isSilent(error);
      throw error;
    }
  }

  #open(): Promise<FolderHand> {
    this.#opening ??= this.#openNow().finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  async #openNow(): Promise<FolderHand> {
    const { folder, tempFolder, sentFolder, shareKind } = this.#parts.settings;
    const isolation = this.#hasBeenSilent
      ? "process"
      : isolationFor([folder, tempFolder, sentFolder], shareKind);
    let [hand, standing] = await this.#openIn(isolation);
    if (isolation === "thread" && standing.mayHang) {
      // A link led onto a share: a thread that hangs there could not be ended.
      hand.abort();
      [hand, standing] = await this.#openIn("process");
    }
    this.#mark = standing.mark;
    if (standing.leftoverCount > 0) this.#parts.onLeftovers(standing.leftoverCount);
    if (this.#isAborted) hand.abort();
    else this.#hand = hand;
    return hand;
  }

  async #openIn(isolation: Isolation): Promise<[FolderHand, OutletStanding]> {
    const { settings, silenceMs, clock } = this.#parts;
    if (this.#isAborted) throw new AgentError("FOLDER_SILENT", { seconds: 0 });
    const hand = await FolderHand.open({ isolation, silenceMs, clock });
    // So that `abort` ends it.
    this.#hand = hand;
    if (this.#isAborted) this.abort();
    try {
      return [hand, await hand.call("outletOpen", { ...settings, mark: this.#mark })];
    } catch (error) {
      if (this.#hand === hand) this.#hand = undefined;
      this.#hasBeenSilent ||= isSilent(error);
      hand.abort();
      throw error;
    }
  }
}

const isSilent = (error: unknown): boolean =>
  error instanceof AgentError && error.code === "FOLDER_SILENT";
