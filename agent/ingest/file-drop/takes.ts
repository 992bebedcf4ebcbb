/**
 * Files in `work/`, from being read to being decided: sent, recognised, or set aside (04 sections 5, 8, 9).
 *
 * In the order in which they were claimed. What cannot be decided now stays in the list and is tried again;
 * whatever else happens, its row says that it is claimed, and its bytes are in `work/`.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { identifierFrom } from "../../errors.ts";
import type { ReadOutcome } from "../../folders/messages.ts";
import { FILE_GROUP_MAX_COUNT, FILE_READ_MAX_BYTES } from "../../limits.ts";
import type { FileVerdict } from "../channel.ts";
import type { FileReason } from "./claims.ts";
import { fileAttributes } from "./file-attributes.ts";
import { type ReadFile, readLarge, readSmall } from "./file-reader.ts";
import { type FileInWork, type FileToMove, named } from "./in-work.ts";
import type { Moves } from "./moves.ts";
import type { ServedParts } from "./parts.ts";
import { hl7Sidecar, jsonSidecar, type Sidecar } from "./sidecar.ts";
import { recordVanished } from "./vanished.ts";

/** P32: after errors while a file was read. */
const RETRY_FIRST_MS = 1_000;
const RETRY_MAX_MS = 60_000;
/** How often a file that had changed is looked at. */
const SETTLE_LOOK_MS = 1_000;
/** P32: a file that was worked on alone so often when the process ended. */
const ENDED_PROCESS_MAX_COUNT = 2;
const ALARM_MS = 3_600_000;

interface KeyedFile {
  readonly read: ReadFile;
  /** Equal for what counts as the same content. */
  readonly key: Uint8Array;
}

export class Takes {
  readonly #parts: ServedParts;
  readonly #moves: Moves;
  #inWork: FileInWork[] = [];
  /** The store refused: nothing more is tried until it may take messages again. */
  #blocked = false;

  constructor(parts: ServedParts, moves: Moves) {
    this.#parts = parts;
    this.#moves = moves;
  }

  get count(): number {
    return this.#inWork.length;
  }

  /** Whether files may be claimed: none waits that has to come before them. */
  get mayClaim(): boolean {
    if (this.#blocked) return false;
    return !this.#parts.settings.pickup.strictOrder || this.#inWork.length === 0;
  }

  /** Monotonic: when something that waits may be tried again; infinite where nothing waits. */
  get dueMs(): number {
    const [first] = this.#inWork.map(({ retryAtMs }) => retryAtMs).sort((a, b) => a - b);
    return first ?? Number.POSITIVE_INFINITY;
  }

  add(files: readonly FileInWork[]): void {
    this.#inWork.push(...files);
  }

  /** Decides what can be decided now, and hands it to the moves. */
  async run(): Promise<void> {
    const { clock, stopping, settings } = this.#parts;
    this.#blocked = false;
    const before = this.#inWork;
    this.#inWork = [];
    for (let at = 0; at < before.length; ) {
      const nowMs = clock.monotonicMs();
      const group = groupFrom(before, at, nowMs);
      at += Math.max(group.length, 1);
      if (group.length === 0) {
        const waiting = before[at - 1];
        if (waiting !== undefined) this.#inWork.push(waiting);
      } else await this.#takeAll(group);
      const mustStop = this.#blocked || stopping.aborted;
      const isHeld = settings.pickup.strictOrder && this.#inWork.length > 0;
      if (mustStop || isHeld) {
        this.#inWork.push(...before.slice(at));
        return;
      }
    }
  }

  /** Of one group, in order. */
  async #takeAll(group: readonly FileInWork[]): Promise<void> {
    const unfit = group.filter((file) => file.unfit !== undefined);
    await this.#setAside(unfit.map((file) => ({ file, reason: file.unfit ?? "unreadable" })));
    const [alone] = group;
    if (alone?.suspect === true && (await this.#endedProcess(alone))) return;
    let left: readonly FileInWork[] = await this.#settledOf(
      group.filter((file) => file.unfit === undefined),
    );
    while (left.length > 0 && !this.#blocked) {
      const outcomes = await readSmall(this.#parts, left, FILE_READ_MAX_BYTES);
      const files = left.slice(0, outcomes.length);
      left = left.slice(outcomes.length);
      await this.#decideAll(files, outcomes);
    }
    this.#inWork.push(...left);
  }

  async #decideAll(files: readonly FileInWork[], outcomes: readonly ReadOutcome[]): Promise<void> {
    let together: ReadFile[] = [];
    for (const [index, outcome] of outcomes.entries()) {
      const file = files[index];
      if (file === undefined) continue;
      if (outcome.outcome === "whole") {
        const { bytes, sha256, about } = outcome;
        together.push({ file, bytes, totalBytes: bytes.length, large: undefined, sha256, about });
      } else if (outcome.outcome === "large") {
        await this.#accept(together);
        together = [];
        if (this.#blocked) this.#inWork.push(file);
        else await this.#takeLarge(file, outcome);
      } else await this.#notRead(file, outcome);
    }
    await this.#accept(together);
  }

  async #takeLarge(
    file: FileInWork,
    outcome: Extract<ReadOutcome, { outcome: "large" }>,
  ): Promise<void> {
    const result = await readLarge(this.#parts, file, outcome);
    if (result.kind === "read") await this.#accept([result.read]);
    else if (result.kind === "noRoom") {
      this.#blocked = true;
      this.#inWork.push(file);
    } else await this.#notRead(file, result.outcome);
  }

  /**
   * Appends, in order. Where what was sent before is not sent again, one with the same content as another before it
   * in the list is looked at behind that one (P26).
   */
  async #accept(files: readonly ReadFile[]): Promise<void> {
    const policy = this.#parts.settings.duplicateFilePolicy;
    let left: readonly KeyedFile[] = files.map((read) => ({ read, key: this.#contentKey(read) }));
    while (left.length > 0 && !this.#blocked) {
      const seen = new Set<string>();
      const isFirst = ({ key }: KeyedFile): boolean => {
        const text = Buffer.from(key).toString("latin1");
        const first = !seen.has(text);
        seen.add(text);
        return policy !== "archive" || first;
      };
      const firsts = new Set(left.filter(isFirst));
      await this.#acceptFirsts([...firsts]);
      left = left.filter((one) => !firsts.has(one));
      // Most of what is left is known now: all of that is one step.
      if (left.length > 0 && !this.#blocked) left = await this.#withoutKnown(left);
    }
    for (const { read } of left) {
      read.large?.discard();
      this.#inWork.push(read.file);
    }
  }

  async #acceptFirsts(files: readonly KeyedFile[]): Promise<void> {
    const { duplicateFilePolicy: policy } = this.#parts.settings;
    const fresh = policy === "archive" ? await this.#withoutKnown(files) : files;
    const known = policy === "send" ? await this.#known(files) : [];
    await Promise.all(
      fresh.map((one, index) => this.#append(one.read, one.key, known[index] === true)),
    );
  }

  /** Settles those whose content, or who themselves, were sent before (P26). @returns the others */
  async #withoutKnown(files: readonly KeyedFile[]): Promise<readonly KeyedFile[]> {
    const known = await this.#known(files);
    const recognised: (KeyedFile & { verdict: "duplicate" | "reappeared" })[] = [];
    const fresh: KeyedFile[] = [];
    for (const [index, one] of files.entries()) {
      const verdict = known[index] === true ? "duplicate" : undefined;
      if (verdict === undefined) fresh.push(one);
      else recognised.push({ ...one, verdict });
    }
    await this.#recognised(recognised);
    return fresh;
  }

  #known(files: readonly KeyedFile[]): Promise<boolean[]> {
    const { settings, clock, claims } = this.#parts;
    const sinceMs = clock.nowMs() - settings.duplicateWindowMs;
    return claims.known(
      files.map(({ key }) => key),
      sinceMs,
    );
  }

  async #recognised(
    files: readonly (KeyedFile & { readonly verdict: "duplicate" | "reappeared" })[],
  ): Promise<void> {
    if (files.length === 0) return;
    const { claims, channel } = this.#parts;
    await claims.settle(
      files.map(({ read, key, verdict }) => {
        return { id: read.file.id, sha256: read.sha256, contentKey: key, verdict };
      }),
    );
    channel.record.counters.add("filesRepeated", files.length);
    for (const { read } of files) read.large?.discard();
    this.#moves.add(files.map(({ read }) => movable(read.file, read.sha256, { duplicate: true })));
  }

  async #append(read: ReadFile, contentKey: Uint8Array, repeated: boolean): Promise<void> {
    if (isReappeared(read)) {
      return await this.#recognised([{ read, key: contentKey, verdict: "reappeared" }]);
    }
    const { file, bytes, totalBytes, large, sha256, about } = read;
    const { channel, doorway, settings } = this.#parts;
    const sidecar = this.#sidecar(about.sidecar);
    if (sidecar?.kind === "refused") {
      large?.discard();
      await this.#setAside([{ file, reason: "sidecar", sha256 }]);
      return;
    }
    const [data] = file.files;
    const attributes = fileAttributes({
      ...{ claim: file.claim, content: settings.content, named: about.named, sidecar },
      name: data?.name ?? new Uint8Array(0),
      modifiedNs: data?.modifiedNs ?? 0n,
    });
    const { promise, resolve } = Promise.withResolvers<FileVerdict>();
    doorway.acceptFile(
      {
        ...{ channel, claim: file.claim, content: settings.content, bytes, totalBytes, large },
        ...{ attributes, repeated, mark: { id: file.id, sha256, contentKey } },
      },
      resolve,
    );
    await this.#verdict(read, await promise);
  }

  async #verdict({ file, sha256 }: ReadFile, verdict: FileVerdict): Promise<void> {
    const { counters } = this.#parts.channel.record;
    switch (verdict.kind) {
      case "committed":
        counters.add("filesTaken");
        if (verdict.aside > 0) counters.add("filesPartial");
        this.#moves.add([movable(file, sha256, {})]);
        return;
      case "unfit":
        await this.#setAside([{ file, reason: verdict.reason, sha256 }]);
        return;
      case "refused":
        this.#blocked = true;
        this.#inWork.push(file);
        return;
    }
  }

  #sidecar(bytes: Uint8Array | undefined): Sidecar | undefined {
    const { channel, settings } = this.#parts;
    if (bytes === undefined) return undefined;
    if (settings.pickup.sidecar === "json") return jsonSidecar(bytes);
    const { fallbackCharset } = settings;
    return hl7Sidecar(bytes, { charset: channel.rules.charset, fallbackCharset });
  }

  /** P26: for a binary file the name often carries the patient, so that equal bytes can be two documents. */
  #contentKey({ file, sha256, about }: ReadFile): Uint8Array {
    if (this.#parts.settings.content === "hl7") return sha256;
    const [data] = file.files;
    const key = createHash("sha256").update(sha256);
    for (const part of [data?.name ?? new Uint8Array(0), about.sidecar ?? new Uint8Array(0)]) {
      key.update(`${part.length}:`).update(part);
    }
    return key.digest();
  }

  async #notRead(
    file: FileInWork,
    outcome: Exclude<ReadOutcome, { outcome: "whole" | "large" }>,
  ): Promise<void> {
    const { hand, claims, clock, settings, channel } = this.#parts;
    const nowMs = clock.monotonicMs();
    switch (outcome.outcome) {
      case "unfit":
        return await this.#setAside([{ file, reason: outcome.reason }]);
      case "gone":
        return await recordVanished(this.#parts, [file]);
      case "changed":
        file.changed = true;
        file.retryAtMs = nowMs + SETTLE_LOOK_MS;
        channel.record.counters.add("filesChanged");
        this.#inWork.push(file);
        return;
      case "refused":
        // It has become a link, or has got a second name, since it was claimed: it goes back, and is refused there.
        await hand.call("putBack", [named(file)]);
        return await claims.withdraw([file.id]);
      case "busy":
        file.retryAtMs = nowMs + backOff(file.failures);
        file.failures += 1;
        this.#inWork.push(file);
        return;
      case "failed":
        file.failures += 1;
        if (file.failures >= settings.maxAttempts) {
          return await this.#setAside([{ file, reason: "unreadable" }]);
        }
        file.retryAtMs = nowMs + backOff(file.failures);
        this.#inWork.push(file);
        return;
    }
  }

  async #setAside(
    files: readonly {
      readonly file: FileInWork;
      readonly reason: FileReason;
      readonly sha256?: Uint8Array;
    }[],
  ): Promise<void> {
    if (files.length === 0) return;
    const { claims, clock, log, conditions, channel } = this.#parts;
    await claims.setAside(
      files.map(({ file, reason, sha256 }) => ({ id: file.id, reason, sha256 })),
    );
    for (const { file, reason, sha256 } of files) {
      const facts = {
        channel: identifierFrom(channel.name),
        claim: identifierFrom(file.claim),
        reason: identifierFrom(reason),
      };
      channel.record.counters.add("filesAside");
      log.write("fileQuarantined", facts);
      conditions.openFor("fileQuarantined", channel.name, facts, clock, ALARM_MS);
      this.#moves.add([movable(file, sha256, { reason })]);
    }
  }

  /** @returns the ones that may be read: of those that had changed only what is stable again (P23) */
  async #settledOf(files: readonly FileInWork[]): Promise<readonly FileInWork[]> {
    const { hand, clock } = this.#parts;
    const ready: FileInWork[] = [];
    for (const file of files) {
      if (!file.changed) {
        ready.push(file);
        continue;
      }
      const found = await hand.call("settled", named(file));
      if (found === undefined) await recordVanished(this.#parts, [file]);
      else if (found.stable) {
        file.files = found.files;
        file.changed = false;
        ready.push(file);
      } else {
        file.retryAtMs = clock.monotonicMs() + SETTLE_LOOK_MS;
        this.#inWork.push(file);
      }
    }
    return ready;
  }

  /** P32. @returns whether it was set aside for that */
  async #endedProcess(file: FileInWork): Promise<boolean> {
    const attempts = await this.#parts.claims.attempt(file.id);
    if (attempts <= ENDED_PROCESS_MAX_COUNT) return false;
    await this.#setAside([{ file, reason: "endedProcess" }]);
    return true;
  }
}

/** The disk has forgotten that it was moved: the same file, with the same content (04, crash points). */
function isReappeared({ file: { sameAs }, sha256 }: ReadFile): boolean {
  const before = sameAs?.sha256;
  return before !== undefined && Buffer.compare(before, sha256) === 0;
}

/** Files that may be worked on together now: from `at` on, without one that waits; a suspect alone. */
function groupFrom(files: readonly FileInWork[], at: number, nowMs: number): readonly FileInWork[] {
  const [first] = files.slice(at, at + 1);
  if (first === undefined || first.retryAtMs > nowMs) return [];
  if (first.suspect) return [first];
  let end = at + 1;
  for (; end < files.length && end - at < FILE_GROUP_MAX_COUNT; end++) {
    const file = files[end];
    if (file === undefined || file.suspect || file.retryAtMs > nowMs) break;
  }
  return files.slice(at, end);
}

function movable(
  { id, claim, claimedAtMs, files }: FileInWork,
  sha256: Uint8Array | undefined,
  { duplicate = false, reason }: { duplicate?: boolean; reason?: FileReason },
): FileToMove {
  return { id, claim, claimedAtMs, files, sha256, targets: [], duplicate, reason };
}

const backOff = (failures: number): number =>
  Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** Math.min(failures, 10));
