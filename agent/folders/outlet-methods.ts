/** The methods of a worker whose folder is written to. @module */
import { isDeepStrictEqual } from "node:util";
import { AgentError } from "../errors.ts";
import type { Clock } from "../host/clock.ts";
import type { Handlers, WorkerVoice } from "./conversation.ts";
import { folderFault, folderMoved } from "./faults.ts";
import { Folder } from "./folder.ts";
import { makeBeside } from "./make-beside.ts";
import type {
  FolderMark,
  OutletMethods,
  OutletSettings,
  OutletStanding,
} from "./outlet-messages.ts";
import { SentCopies } from "./outlet-sent.ts";
import { UncollectedFiles } from "./outlet-uncollected.ts";
import { OutletWriter } from "./outlet-writer.ts";
import { Patience } from "./patience.ts";
import { testFolder } from "./probes.ts";
import { prune } from "./pruning.ts";
import { type RootPath, Roots, type Visit } from "./roots.ts";
import { isAnyOnShare, shareKindOf } from "./share-kind.ts";

export interface OutletHost {
  readonly clock: Clock;
  readonly voice: WorkerVoice;
}

/** A target folder that has been opened. */
export class Outlet {
  readonly standing: OutletStanding;
  readonly #roots: Roots;
  readonly #writer: OutletWriter;
  readonly #sent: SentCopies | undefined;
  readonly #uncollected: UncollectedFiles;
  readonly #touched: (step: string) => void;

  /**
   * @param touched called after each step of the system, with its name
   * @throws {AgentError} `FOLDER_FAILED`, `FOLDER_MOVED`
   */
  constructor(settings: OutletSettings, touched: (step: string) => void, clock: Clock) {
    const { sentFolder, shareKind, ownNames } = settings;
    const patience = new Patience(clock);
    const mark = markOf(settings, patience);
    this.#touched = touched;
    this.#roots = rootsOf(settings, patience);
    this.#sent = sentFolder === undefined ? undefined : new SentCopies(settings, touched);
    this.#uncollected = new UncollectedFiles(clock, () => touched("look"));
    const published = (name: string): void => {
      if (ownNames !== undefined) this.#uncollected.add(name);
    };
    this.#writer = new OutletWriter({ settings, sent: this.#sent, touched, published });
    using visit = this.#visit();
    refuseOtherFileSystem(settings, visit);
    const leftoverCount = this.#writer.sweep(visit) + (this.#sent?.sweep(visit) ?? 0);
    if (ownNames !== undefined) this.#uncollected.find(visit.root("target"), new RegExp(ownNames));
    const kind = shareKindOf(shareKind, mark.mount, mark.location, settings.folder);
    const mayHang = isAnyOnShare(shareKind, this.#roots.recorded);
    this.standing = { kind, mayHang, mark, leftoverCount };
  }

  look(): void {
    using visit = this.#visit();
    this.#writer.look(visit);
  }

  write(ask: OutletMethods["outletWrite"]["ask"]): OutletMethods["outletWrite"]["answer"] {
    using visit = this.#visit();
    return this.#writer.write(visit, ask);
  }

  drop(): void {
    using visit = this.#roots.visit();
    this.#writer.drop(visit);
  }

  uncollected(forMs: number): OutletMethods["outletUncollected"]["answer"] {
    using visit = this.#visit();
    // Not while the folder is another one: files that cannot be seen are not files that were taken.
    return this.#uncollected.look(visit.root("target"), forMs);
  }

  prune(beforeMs: number): OutletMethods["outletPrune"]["answer"] {
    if (this.#sent === undefined) return { deleted: 0, bytes: 0, more: false };
    using visit = this.#visit();
    const voice = { touched: () => this.#touched("prune"), hint: () => {} };
    return prune(visit, { folder: "sent", beforeMs, kept: [] }, voice);
  }

  #visit(): Visit {
    this.#roots.checkSentinel("target");
    return this.#roots.visit();
  }
}

/** P3. Makes no folder, and leaves alone what a running agent has in hand. */
function testOf(settings: OutletSettings, clock: Clock): OutletMethods["outletTest"]["answer"] {
  return rootPaths(settings).flatMap(({ role, path }) =>
    testFolder(role, () => Folder.open(role, new Patience(clock), path), false),
  );
}

/** Where the target is; compared with where it was when the configuration was applied (P47). */
function markOf({ folder, sentinelFile, mark }: OutletSettings, patience: Patience): FolderMark {
  const target = new Roots([{ role: "target", path: folder }], sentinelFile, patience);
  const mount = target.mountOf("target") ?? { type: "", source: "", point: "", root: "" };
  const now = { location: target.locationOf("target"), mount };
  if (mark !== undefined && !isDeepStrictEqual(mark, now)) {
    throw folderMoved("target", mark.location === now.location ? "mount" : "path");
  }
  return now;
}

function rootsOf(settings: OutletSettings, patience: Patience): Roots {
  const { sentinelFile, folderMode } = settings;
  const roots = rootPaths(settings);
  const [target, ...others] = roots;
  makeBeside(target, others, folderMode, patience);
  return new Roots(roots, sentinelFile, patience);
}

function rootPaths({
  folder,
  tempFolder,
  sentFolder,
}: OutletSettings): [target: RootPath, ...others: RootPath[]] {
  const roots: [RootPath, ...RootPath[]] = [{ role: "target", path: folder }];
  if (tempFolder !== undefined) roots.push({ role: "temp", path: tempFolder });
  if (sentFolder !== undefined) roots.push({ role: "sent", path: sentFolder });
  return roots;
}

/** A rename from there would be a copy, seen while it grows. */
function refuseOtherFileSystem({ tempFolder }: OutletSettings, visit: Visit): void {
  if (tempFolder === undefined) return;
  const [one, other] = [visit.root("target"), visit.root("temp")].map((folder) => folder.look("."));
  if (one?.dev !== other?.dev) throw folderFault("temp", "sameFileSystem", { code: "EXDEV" });
}

export function outletMethods({ clock, voice }: OutletHost): Handlers<OutletMethods> {
  let opened: Outlet | undefined;
  const outlet = (): Outlet => {
    if (opened === undefined) throw new AgentError("AGENT_DEFECT", {});
    return opened;
  };
  return {
    outletOpen: (settings) => {
      opened = new Outlet(settings, voice.touched, clock);
      return opened.standing;
    },
    outletTest: (settings) => testOf(settings, clock),
    outletLook: () => void outlet().look(),
    outletWrite: (ask) => outlet().write(ask),
    outletDrop: () => void outlet().drop(),
    outletUncollected: ({ forMs }) => outlet().uncollected(forMs),
    outletPrune: ({ beforeMs }) => outlet().prune(beforeMs),
  };
}
