/**
 * A channel that takes files from a folder (04): opens the folder's worker, lets the service run on it, and opens
 * another one when it fails. A folder that fails stops its own channel only (P3), a dead share nothing else (P46).
 *
 * @module
 */
import { AgentError, identifierFrom } from "../../errors.ts";
import type { Isolation } from "../../folders/conversation.ts";
import type { FolderStanding, PickupSettings } from "../../folders/messages.ts";
import { isolationFor } from "../../folders/share-kind.ts";
import { isFault } from "./folder-fault.ts";
import type { FileDropParts, PickupHand } from "./parts.ts";
import { type FolderCounts, Service } from "./service.ts";
import { Wake } from "./wake.ts";

export type FileDropState =
  | "starting"
  | "watching"
  | "unreachable"
  | "storeFailing"
  /** By a defect: until the agent is started again. */
  | "failed"
  | "stopped";

/** What `status` shows of a file-drop channel besides its counters. */
export interface FileDropStatus extends FolderCounts {
  readonly state: FileDropState;
  readonly sinceMs: number;
  readonly standing: FolderStanding | undefined;
  /** Why it is not watching. */
  readonly error: AgentError | undefined;
}

/** P46: between two attempts to reach a folder; jittered, so that shares of one server do not return together. */
const RETRY_FIRST_MS = 1_000;
const RETRY_MAX_MS = 60_000;
/** P49: acregmax and acdirmax of nfs(5) are 60 and 60 s, acregmin and acdirmin 3 and 30. */
const NFS_CACHE_MS = 30_000;
const NO_COUNTS: FolderCounts = {
  ...{ fileCount: 0, waitingCount: 0, inWorkCount: 0, toMoveCount: 0, lastPollAtMs: undefined },
};

/** The drop folder first. */
const foldersOf = (pickup: PickupSettings): readonly string[] => [
  ...[pickup.folder, pickup.workFolder, pickup.archiveFolder, pickup.errorFolder],
];

export class FileDrop implements AsyncDisposable {
  readonly #parts: FileDropParts;
  readonly #stopping = new AbortController();
  readonly #room: Wake;
  readonly #heard = new DisposableStack();
  readonly #ended: Promise<void>;
  #hand: PickupHand | undefined;
  #service: Service | undefined;
  #standing: FolderStanding | undefined;
  #state: FileDropState = "starting";
  #sinceMs: number;
  #error: AgentError | undefined;
  #failures = 0;
  /** Found by the worker: it knows better than the name of the folder. */
  #isolation: Isolation | undefined;
  /** Worked on alone when it is met again: it was being read when a worker ended; at the start all are (P32). */
  #suspects: ReadonlySet<string> | "all" = "all";
  /** Where the folders were first: an unmounted share must not be taken for an idle folder (P47). */
  #recorded: FolderStanding["recorded"] | undefined;

  /** @param failed told of a defect; everything else is a state of the channel */
  constructor(parts: FileDropParts, failed: (error: unknown) => void) {
    this.#parts = parts;
    this.#sinceMs = parts.clock.nowMs();
    this.#room = new Wake(parts.clock);
    this.#heard.use(parts.doorway.room.onRoom(() => this.#room.now()));
    this.#heard.use(parts.doorway.onGate(() => this.#room.now()));
    this.#ended = this.#run().catch(failed);
  }

  get status(): FileDropStatus {
    return {
      ...(this.#service?.counts ?? NO_COUNTS),
      state: this.#state,
      sinceMs: this.#sinceMs,
      standing: this.#standing,
      error: this.#error,
    };
  }

  /** Lets go of the folder now; what is in work is found again at the next start. */
  abort(): void {
    this.#stopping.abort();
    this.#room.now();
    this.#hand?.abort();
  }

  /** Finishes the step in hand, however long that takes: the caller's budget ends it with `abort`. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    this.#room.now();
    await this.#ended;
    await this.#hand?.[Symbol.asyncDispose]();
    this.#heard.dispose();
    this.#to("stopped");
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        const hand = await this.#serving();
        const parts = { ...this.#parts, hand, stopping: signal, room: this.#room };
        this.#service = new Service(parts, () => this.#served());
        const suspects = this.#suspects;
        this.#suspects = new Set();
        await this.#service.run((claim) => suspects === "all" || suspects.has(claim));
      } catch (error) {
        if (!(error instanceof AgentError) || error.disposition !== "retry") {
          this.#endedBy(error);
          throw error;
        }
        if (isFault(error, "FOLDER_SILENT")) this.#suspects = new Set(this.#service?.reading);
        if (!signal.aborted) await this.#failedBy(error);
      }
    }
  }

  /** The worker at hand, or a new one on its folder. @throws {AgentError} `FOLDER_…` */
  async #serving(): Promise<PickupHand> {
    const { settings, clock, openHand } = this.#parts;
    const { pickup, silenceMs } = settings;
    if (this.#hand === undefined) {
      this.#isolation ??= isolationFor(foldersOf(pickup), pickup.shareKind);
      this.#hand = await openHand({ isolation: this.#isolation, silenceMs, clock });
      const standing = await this.#hand.call("open", {
        ...pickup,
        ...(this.#recorded === undefined ? {} : { recorded: this.#recorded }),
      });
      if (standing.mayHang && this.#isolation === "thread") {
        // A link led to a share: a hung thread could not be ended.
        this.#isolation = "process";
        await this.#drop();
        return await this.#serving();
      }
      this.#standing = standing;
      this.#recorded = standing.recorded;
      this.#lookAtStability(standing);
      await this.#test(this.#hand);
    }
    return this.#hand;
  }

  #served(): void {
    this.#failures = 0;
    this.#error = undefined;
    this.#parts.conditions.close("folderUnreachable", this.#parts.channel.name);
    this.#to("watching");
  }

  /** A defect, or a store that halts: nothing is taken any more, and that must be seen. */
  #endedBy(error: unknown): void {
    const { conditions, channel, clock } = this.#parts;
    const fault =
      error instanceof AgentError ? error : new AgentError("AGENT_DEFECT", {}, { cause: error });
    this.#error = fault;
    this.#to("failed");
    const facts = { channel: identifierFrom(channel.name), code: identifierFrom(fault.code) };
    conditions.open("fileDropEnded", channel.name, facts, clock.nowMs());
  }

  /** P49: what NFS shows of a file may be old. */
  #lookAtStability({ kind }: FolderStanding): void {
    const { settings, conditions, channel, clock } = this.#parts;
    const { stableForMs } = settings.pickup;
    const isShort = kind === "nfs" && stableForMs !== undefined && stableForMs < NFS_CACHE_MS;
    if (!isShort) {
      conditions.close("stableTooShort", channel.name);
      return;
    }
    const facts = { channel: identifierFrom(channel.name), seconds: stableForMs / 1_000 };
    conditions.open("stableTooShort", channel.name, facts, clock.nowMs());
  }

  /** P3, P2. @throws {AgentError} `FOLDER_FAILED` with the first step that failed, and the account */
  async #test(hand: PickupHand): Promise<void> {
    const { conditions, channel, clock } = this.#parts;
    const findings = await hand.call("test", undefined);
    for (const { folder, step, sysCode } of findings) {
      if (sysCode === undefined) continue;
      const where = { folder: identifierFrom(folder), step: identifierFrom(step) };
      const account = process.getuid?.();
      throw new AgentError("FOLDER_FAILED", {
        ...where,
        sysCode: identifierFrom(sysCode),
        ...(account === undefined ? {} : { account }),
      });
    }
    const open = findings.filter(({ warning }) => warning === "writableBySenders");
    if (open.length === 0) conditions.close("foldersWritable", channel.name);
    else {
      const facts = {
        channel: identifierFrom(channel.name),
        folder: identifierFrom(open.map(({ folder }) => folder).join("-")),
      };
      conditions.open("foldersWritable", channel.name, facts, clock.nowMs());
    }
  }

  async #failedBy(error: AgentError): Promise<void> {
    const { doorway, conditions, channel, clock, chance, log } = this.#parts;
    this.#error = error;
    if (error.code === "FILE_CLAIM_ENDED") {
      log.fault("taskFailed", error);
      await this.#room.wait(RETRY_FIRST_MS);
      return;
    }
    if (!error.code.startsWith("FOLDER_")) {
      this.#to("storeFailing");
      doorway.refusedBy(error);
      await this.#room.wait(RETRY_FIRST_MS);
      return;
    }
    await this.#drop();
    // A thread that hangs cannot be ended: there is no second one.
    if (error.code === "FOLDER_SILENT") this.#isolation = "process";
    this.#to("unreachable");
    const facts = {
      ...error.facts,
      channel: identifierFrom(channel.name),
      code: identifierFrom(error.code),
    };
    if (this.#failures === 0) log.fault("folderUnreachable", error);
    conditions.open("folderUnreachable", channel.name, facts, clock.nowMs());
    const ceilingMs = Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** Math.min(this.#failures, 10));
    this.#failures += 1;
    const untilMs = clock.monotonicMs() + ceilingMs * (0.5 + chance.unit() / 2);
    while (!this.#stopping.signal.aborted) {
      const waitMs = untilMs - clock.monotonicMs();
      if (waitMs <= 0) return;
      await this.#room.wait(waitMs);
    }
  }

  async #drop(): Promise<void> {
    const hand = this.#hand;
    this.#hand = undefined;
    this.#service = undefined;
    await hand?.[Symbol.asyncDispose]();
  }

  #to(state: FileDropState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#sinceMs = this.#parts.clock.nowMs();
    const { channel, log } = this.#parts;
    log.write("folderState", {
      channel: identifierFrom(channel.name),
      state: identifierFrom(state),
    });
  }
}
