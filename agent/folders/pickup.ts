/** The methods of a folder that files are picked up from, put together. @module */
import { AgentError } from "../errors.ts";
import type { Clock } from "../host/clock.ts";
import { isBusy } from "../host/platform.ts";
import { FOLDER_TRACKED_MAX_COUNT } from "../limits.ts";
import { takeFiles } from "./claiming.ts";
import type { Handlers, WorkerVoice } from "./conversation.ts";
import { refuseNetworkDrives } from "./drive-letters.ts";
import { FAILURE } from "./entry-table.ts";
import { codeIs, stepFaultOf } from "./faults.ts";
import { putStraysBack, whereIs } from "./finding.ts";
import type { FlushRules } from "./flushing.ts";
import { LeftFiles } from "./left-files.ts";
import type { ListingRules } from "./listing.ts";
import { lookBack } from "./look-back.ts";
import { makeBeside } from "./make-beside.ts";
import type {
  ClaimedFiles,
  ClaimOutcome,
  FolderFinding,
  FolderStanding,
  Move,
  MoveOutcome,
  PickupMethods,
  PickupSettings,
} from "./messages.ts";
import { type Destination, type MoveRules, Mover } from "./moving.ts";
import { NamePattern } from "./name-pattern.ts";
import { isNamed } from "./names.ts";
import { removeOldProbes } from "./old-probes.ts";
import { Patience } from "./patience.ts";
import { Patterns } from "./patterns.ts";
import { partsOf, placeOf } from "./placement.ts";
import { Poll } from "./poll.ts";
import { prune } from "./pruning.ts";
import { Reading } from "./reading.ts";
import { Roots } from "./roots.ts";
import { stableForMsOn } from "./share-kind.ts";
import { pickupPaths, standingOf, testFolders } from "./standing.ts";
import { Stranded } from "./stranded.ts";
import { dayFolder } from "./target-names.ts";
import { Tracker } from "./tracker.ts";
import { watchFolder } from "./watch.ts";

export interface PickupHost {
  readonly clock: Clock;
  readonly voice: WorkerVoice;
  /** Entries that are watched at a time. */
  readonly trackedMaxCount?: number;
}

/** One folder. @throws {AgentError} `AGENT_DEFECT` from what is called before `open` */
export function pickupMethods(host: PickupHost): Handlers<PickupMethods> {
  let opened: Pickup | undefined;
  const pickup = (): Pickup => {
    if (opened === undefined) throw new AgentError("AGENT_DEFECT", {});
    return opened;
  };
  return {
    open: (settings) => {
      opened?.[Symbol.dispose]();
      opened = new Pickup(settings, host);
      return opened.standing;
    },
    test: () => pickup().test(),
    left: (claims) => void pickup().left.add(claims),
    poll: () => pickup().poll(),
    more: () => pickup().more(),
    claim: (claims) => pickup().claim(claims),
    putBack: (claims) => pickup().putBack(claims),
    whereIs: (claims) => pickup().whereIs(claims),
    strays: (known) => pickup().strays(known),
    read: ({ claims, maxBytes }) => pickup().reading.read(claims, maxBytes),
    readPart: ({ claim, maxBytes }) => pickup().reading.readPart(claim, maxBytes),
    readEnd: ({ claim }) => pickup().reading.readEnd(claim),
    archive: ({ moves, after }) => pickup().archive(moves, after),
    aside: (moves) => pickup().aside(moves),
    lookBack: (moves) => pickup().lookBack(moves),
    prune: (ask) => pickup().prune(ask),
  };
}

class Pickup implements Disposable {
  readonly standing: FolderStanding;
  readonly left = new LeftFiles();
  readonly reading: Reading;
  readonly #settings: PickupSettings;
  readonly #host: PickupHost;
  readonly #roots: Roots;
  readonly #listing: ListingRules;
  readonly #poll: Poll;
  readonly #stranded: Stranded;
  readonly #flushRules: FlushRules;
  readonly #moveRules: MoveRules;
  readonly #watch: Disposable | undefined;

  constructor(settings: PickupMethods["open"]["ask"], host: PickupHost) {
    this.#settings = settings;
    this.#host = host;
    const patience = new Patience(host.clock);
    const paths = pickupPaths(settings);
    // What was there before is not made again: it is missed.
    if (settings.recorded === undefined) {
      refuseNetworkDrives(paths);
      const [drop, ...others] = paths;
      makeBeside(drop, others, settings.folderMode, patience);
    }
    this.#roots = new Roots(paths, settings.sentinelFile, patience, settings.recorded);
    this.standing = standingOf(this.#roots, settings);
    const isLocal = this.standing.kind === "local";
    const stableForMs = settings.stableForMs ?? stableForMsOn(this.standing.kind);
    const patterns = new Patterns(settings.ignorePatterns, settings.includePatterns);
    const ours = (["work", "archive", "error"] as const).map((role) =>
      this.#roots.locationOf(role),
    );
    this.#listing = {
      recursive: settings.recursive,
      maxDepth: settings.maxDepth,
      isIgnored: (name) => patterns.kindOf(name) !== "taken",
      ours: new Set(ours),
    };
    const { sentinelFile } = settings;
    const tracker = new Tracker(
      {
        patterns,
        rejectHardLinks: settings.rejectHardLinks,
        stableForMs,
        isOurs: (name) =>
          sentinelFile !== undefined && isNamed(name, sentinelFile, this.standing.kind === "smb"),
        leftCount: () => this.left.count,
      },
      host.trackedMaxCount ?? FOLDER_TRACKED_MAX_COUNT,
    );
    const { clock, voice } = host;
    const { left } = this;
    this.#stranded = new Stranded(settings.folderMode);
    this.#poll = new Poll({
      settings,
      stranded: this.#stranded,
      stableForMs,
      patterns,
      tracker,
      left,
      listing: this.#listing,
      clock,
      voice,
    });
    const { namePattern } = settings;
    this.reading = new Reading({
      settings,
      roots: this.#roots,
      namePattern: namePattern === undefined ? undefined : new NamePattern(namePattern),
      voice,
    });
    const { rejectHardLinks, maxBytes } = settings;
    this.#flushRules = { flushes: isLocal, rejectHardLinks, maxBytes, voice };
    const memory = { canLink: this.standing.canLink, nextMark: new Map<string, number>() };
    this.#moveRules = { ...settings, voice, memory };
    this.#watch = isLocal ? watchFolder(settings.folder, clock, voice) : undefined;
  }

  test(): readonly FolderFinding[] {
    using visit = this.#roots.visit();
    return testFolders(
      ["drop", "work", "archive", "error"],
      (role) => visit.root(role),
      this.#settings,
    );
  }

  poll(): PickupMethods["poll"]["answer"] {
    try {
      return this.#pollOnce();
    } catch (error) {
      // A share's server has come back with other handles (P49): everything is opened anew.
      if (!codeIs({ code: sysCodeOf(error) }, "ESTALE")) throw error;
      return this.#pollOnce();
    }
  }

  more(): PickupMethods["more"]["answer"] {
    using visit = this.#roots.visit();
    return this.#poll.more(visit);
  }

  claim(claims: PickupMethods["claim"]["ask"]): readonly ClaimOutcome[] {
    using visit = this.#roots.visit();
    const rules = { ...this.#settings, ...this.#flushRules };
    const outcomes = claims.map(({ token, claim }): ClaimOutcome => {
      this.#host.voice.touched();
      const candidate = this.#poll.candidate(token);
      if (candidate === undefined) return { claim, outcome: "gone" };
      const taken = takeFiles(visit, rules, candidate, claim, this.#stranded);
      if (typeof taken !== "string") {
        const { sysCode } = taken;
        const isDenied = isBusy({ code: sysCode });
        this.#poll.failed(candidate, isDenied ? FAILURE.denied : FAILURE.unreadable, taken);
        return isDenied ? { claim, outcome: "busy" } : { claim, outcome: "failed", sysCode };
      }
      if (taken === "busy") {
        this.#poll.failed(candidate, FAILURE.busy);
        return { claim, outcome: "busy" };
      }
      if (taken === "claimed" || taken === "gone") this.#poll.forget(candidate);
      if (taken === "claimed" && this.#settings.claimBy === "row") {
        this.left.add([{ claim, files: candidate.files }]);
      }
      return { claim, outcome: taken };
    });
    visit.flush();
    return outcomes;
  }

  putBack(claims: readonly ClaimedFiles[]): undefined {
    using visit = this.#roots.visit();
    for (const claimed of claims) {
      this.left.remove(claimed);
      const parts = partsOf(claimed.claim, claimed.files);
      this.#stranded.putBack(visit, parts, (part) => placeOf(visit, part));
      this.#host.voice.touched();
    }
    visit.flush();
  }

  whereIs(claims: readonly ClaimedFiles[]): PickupMethods["whereIs"]["answer"] {
    using visit = this.#roots.visit();
    const found = claims.map((claimed) => {
      this.#host.voice.touched();
      return whereIs(visit, claimed);
    });
    visit.flush();
    return found;
  }

  strays(known: readonly string[]): number {
    using visit = this.#roots.visit();
    const { clock, voice } = this.#host;
    for (const role of ["drop", "work", "archive", "error"] as const) {
      removeOldProbes(visit.root(role), clock.nowMs(), voice);
    }
    this.#stranded.clear();
    return putStraysBack(this.#roots, new Set(known), this.#listing, this.#stranded, voice);
  }

  archive(moves: readonly Move[], after: "archive" | "delete" | "leave"): readonly MoveOutcome[] {
    if (after === "leave") {
      return moves.map(({ claim }) => ({ claim, outcome: "moved", targets: [] }));
    }
    using visit = this.#roots.visit();
    const mover = new Mover(visit, this.#moveRules);
    const outcomes =
      after === "delete"
        ? mover.deleteAll(moves)
        : mover.moveAll(
            moves.map((move) => ({
              move,
              to: { role: "archive", folder: dayFolder(move.atMs), reason: undefined },
            })),
          );
    this.#noLongerLeft(moves, outcomes);
    return outcomes;
  }

  aside(moves: PickupMethods["aside"]["ask"]): readonly MoveOutcome[] {
    using visit = this.#roots.visit();
    const to = (move: (typeof moves)[number]): Destination => {
      return { role: "error", folder: "", reason: move.reason };
    };
    const outcomes = new Mover(visit, this.#moveRules).moveAll(
      moves.map((move) => ({ move, to: to(move) })),
    );
    this.#noLongerLeft(moves, outcomes);
    return outcomes;
  }

  lookBack(moves: PickupMethods["lookBack"]["ask"]): PickupMethods["lookBack"]["answer"] {
    using visit = this.#roots.visit();
    const written = moves.flatMap((move) => {
      this.#host.voice.touched();
      const found = lookBack(visit, move, this.#moveRules);
      return found === undefined ? [] : [{ claim: move.claim, found }];
    });
    visit.flush();
    return written;
  }

  prune(ask: PickupMethods["prune"]["ask"]): PickupMethods["prune"]["answer"] {
    using visit = this.#roots.visit();
    return prune(visit, ask, this.#host.voice);
  }

  [Symbol.dispose](): void {
    this.#watch?.[Symbol.dispose]();
    this.reading[Symbol.dispose]();
  }

  #pollOnce(): PickupMethods["poll"]["answer"] {
    using visit = this.#roots.visit();
    visit.root("drop");
    this.#roots.checkSentinel("drop");
    this.#stranded.tryAgain(visit, this.#host.clock.monotonicMs());
    return this.#poll.poll(visit);
  }

  #noLongerLeft(moves: readonly Move[], outcomes: readonly MoveOutcome[]): void {
    for (const [index, move] of moves.entries()) {
      if (outcomes[index]?.outcome === "moved") this.left.remove(move);
    }
  }
}

function sysCodeOf(error: unknown): string {
  return error instanceof AgentError && error.code === "FOLDER_FAILED"
    ? stepFaultOf(error).sysCode
    : "";
}
