/** Reading what was claimed: once, hashed on the way, and no byte more than was claimed (04 P21 to P23). @module */
import { createHash, type Hash } from "node:crypto";
import { readSync } from "node:fs";
import { AgentError, identifierFrom } from "../errors.ts";
import { isBusy } from "../host/platform.ts";
import { SIDECAR_MAX_BYTES } from "../limits.ts";
import type { WorkerVoice } from "./conversation.ts";
import { doing, stepFaultOf } from "./faults.ts";
import type { About, ClaimedFiles, PickupSettings, ReadEnd, ReadOutcome } from "./messages.ts";
import type { NamePattern } from "./name-pattern.ts";
import { type Part, partsOf, placeOf } from "./placement.ts";
import type { Roots, Visit } from "./roots.ts";
import { type OpenFile, type OpenRefusal, openSafely } from "./safe-open.ts";

const READ_AT_ONCE_BYTES = 1024 * 1024;
/** Large files that are being read; more would be a defect of whoever asks. */
const LARGE_MAX_COUNT = 16;

interface LargeRead {
  readonly visit: Visit;
  readonly file: OpenFile;
  readonly part: Part;
  readonly hash: Hash;
  at: number;
}

export interface ReadingParts {
  readonly settings: PickupSettings;
  readonly roots: Roots;
  readonly namePattern: NamePattern | undefined;
  readonly voice: WorkerVoice;
}

export class Reading implements Disposable {
  readonly #parts: ReadingParts;
  readonly #large = new Map<string, LargeRead>();

  constructor(parts: ReadingParts) {
    this.#parts = parts;
  }

  /** See `PickupMethods.read`. */
  read(claims: readonly ClaimedFiles[], maxBytes: number): readonly ReadOutcome[] {
    using visit = this.#parts.roots.visit();
    const outcomes: ReadOutcome[] = [];
    let roomBytes = maxBytes;
    for (const claimed of claims) {
      const size = claimed.files[0]?.size ?? 0;
      if (outcomes.length > 0 && size > roomBytes) break;
      outcomes.push(this.#outcomeOf(visit, claimed, maxBytes));
      roomBytes -= size;
      this.#parts.voice.touched();
    }
    return outcomes;
  }

  /** The next bytes of a large file. @throws {AgentError} `FOLDER_FAILED` */
  readPart(claim: string, maxBytes: number): Uint8Array {
    const large = this.#large.get(claim);
    if (large === undefined) throw noRead();
    const count = Math.min(maxBytes, large.part.file.size - large.at);
    const bytes = this.#bytesAt(large.file, large.at, count);
    large.hash.update(bytes);
    large.at += bytes.length;
    return bytes;
  }

  readEnd(claim: string): ReadEnd {
    const large = this.#large.get(claim);
    if (large === undefined) throw noRead();
    this.#large.delete(claim);
    using _visit = large.visit;
    using file = large.file;
    const isWhole = large.at === large.part.file.size;
    const outcome = isWhole && file.isStill(large.part.file) ? "unchanged" : "changed";
    return { sha256: new Uint8Array(large.hash.digest()), outcome };
  }

  /** Gives up what is being read. */
  [Symbol.dispose](): void {
    for (const claim of [...this.#large.keys()]) this.#giveUp(claim);
  }

  #outcomeOf(visit: Visit, { claim, files }: ClaimedFiles, maxBytes: number): ReadOutcome {
    try {
      const parts = partsOf(claim, files);
      const [data] = parts;
      if (data === undefined) return { claim, outcome: "gone" };
      const { namePattern, settings } = this.#parts;
      // P22: whatever was known of it when it was claimed, by this process or an earlier one.
      if (data.file.size > settings.maxBytes)
        return { claim, outcome: "unfit", reason: "tooLarge" };
      const named = namePattern === undefined ? {} : namePattern.namedIn(data.name);
      if (named === undefined) return { claim, outcome: "unfit", reason: "namePattern" };
      const sidecar = this.#sidecar(visit, parts);
      if (sidecar === "tooLarge") return { claim, outcome: "unfit", reason: "sidecar" };
      if (typeof sidecar === "string") return { claim, outcome: sidecar };
      return this.#content(visit, data, maxBytes, { named, sidecar });
    } catch (error) {
      const fault = stepFaultOf(error);
      const outcome = isBusy({ code: fault.sysCode }) ? "busy" : "failed";
      return { claim, outcome, ...fault };
    }
  }

  #sidecar(
    visit: Visit,
    parts: readonly Part[],
  ): Uint8Array | undefined | OpenRefusal | "tooLarge" {
    const part = parts.find(({ file }) => file.part === "sidecar");
    if (part === undefined) return undefined;
    if (part.file.size > SIDECAR_MAX_BYTES) return "tooLarge";
    const opened = this.#open(visit, part);
    if (typeof opened === "string") return opened;
    using file = opened;
    const bytes = this.#bytesAt(file, 0, part.file.size);
    return bytes.length === part.file.size && file.isStill(part.file) ? bytes : "changed";
  }

  #content(visit: Visit, part: Part, maxBytes: number, about: About): ReadOutcome {
    const { claim } = part;
    const { size } = part.file;
    if (size > maxBytes) return this.#begin(part, about);
    const opened = this.#open(visit, part);
    if (typeof opened === "string") return { claim, outcome: opened };
    using file = opened;
    const bytes = this.#bytesAt(file, 0, size);
    const sha256 = new Uint8Array(createHash("sha256").update(bytes).digest());
    if (bytes.length !== size || !file.isStill(part.file)) return { claim, outcome: "changed" };
    return { claim, outcome: "whole", bytes, sha256, about };
  }

  #begin(part: Part, about: About): ReadOutcome {
    const { claim } = part;
    this.#giveUp(claim);
    if (this.#large.size >= LARGE_MAX_COUNT)
      return { claim, outcome: "failed", step: "open", folder: "work", sysCode: "EMFILE" };
    // It stays open from call to call.
    const visit = this.#parts.roots.visit();
    let isKept = false;
    try {
      const file = this.#open(visit, part);
      if (typeof file === "string") return { claim, outcome: file };
      this.#large.set(claim, { visit, file, part, hash: createHash("sha256"), at: 0 });
      isKept = true;
      return { claim, outcome: "large", size: part.file.size, about };
    } finally {
      if (!isKept) visit[Symbol.dispose]();
    }
  }

  #giveUp(claim: string): void {
    const large = this.#large.get(claim);
    this.#large.delete(claim);
    large?.file[Symbol.dispose]();
    large?.visit[Symbol.dispose]();
  }

  #open(visit: Visit, part: Part): OpenFile | OpenRefusal {
    const { claimBy, rejectHardLinks } = this.#parts.settings;
    const place = placeOf(visit, part);
    const isClaimed = place !== undefined && (place.at !== "drop" || claimBy === "row");
    return isClaimed ? openSafely(place.folder, place.name, part.file, rejectHardLinks) : "gone";
  }

  /** As many as there are. */
  #bytesAt(file: OpenFile, at: number, count: number): Uint8Array {
    const bytes = new Uint8Array(count);
    let got = 0;
    while (got < count) {
      const length = Math.min(count - got, READ_AT_ONCE_BYTES);
      const more = doing(file.folder.role, "read", () =>
        readSync(file.descriptor, bytes, got, length, at + got),
      );
      this.#parts.voice.touched();
      if (more === 0) break;
      got += more;
    }
    return got === count ? bytes : bytes.slice(0, got);
  }
}

const noRead = (): AgentError =>
  new AgentError("FOLDER_FAILED", {
    step: identifierFrom("read"),
    folder: identifierFrom("work"),
    sysCode: identifierFrom("EBADF"),
  });
