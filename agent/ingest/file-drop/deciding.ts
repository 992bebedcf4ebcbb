/**
 * What becomes of a file that was read: recognised, sent, or set aside (04 P24, P26, P38, P39, P44).
 *
 * In order; what the store refuses is given back undecided, with all that came behind it.
 *
 * @module
 */
import { createHash } from "node:crypto";
import type { FileVerdict } from "../channel.ts";
import { fileAttributes } from "./file-attributes.ts";
import type { ReadFile } from "./file-reader.ts";
import { type FileInWork, movable } from "./in-work.ts";
import type { Moves } from "./moves.ts";
import type { ServedParts } from "./parts.ts";
import { setAside, type Unusable } from "./setting-aside.ts";
import { hl7Sidecar, jsonSidecar, type Sidecar } from "./sidecar.ts";

interface KeyedFile {
  readonly read: ReadFile;
  /** Equal for what counts as the same content. */
  readonly key: Uint8Array;
}

const EMPTY = new Uint8Array(0);

export class Deciding {
  readonly #parts: ServedParts;
  readonly #moves: Moves;
  #undecided: FileInWork[] = [];

  constructor(parts: ServedParts, moves: Moves) {
    this.#parts = parts;
    this.#moves = moves;
  }

  /**
   * Where what was sent before is not sent again, a file with the same content as another before it in the list is looked
   * at behind that one (P26).
   *
   * @returns what the store did not take, in order: to be read and decided anew
   */
  async decide(files: readonly ReadFile[]): Promise<readonly FileInWork[]> {
    this.#undecided = [];
    let left: readonly KeyedFile[] = files.map((read) => ({ read, key: this.#contentKey(read) }));
    while (left.length > 0 && this.#undecided.length === 0) {
      const firsts = new Set(this.#firstsOf(left));
      await this.#decideFirsts([...firsts]);
      left = left.filter((one) => !firsts.has(one));
      // Most of what is left is known now: all of that is one step.
      if (left.length > 0 && this.#undecided.length === 0) left = await this.#withoutKnown(left);
    }
    for (const { read } of left) read.large?.discard();
    return [...this.#undecided, ...left.map(({ read }) => read.file)];
  }

  #firstsOf(files: readonly KeyedFile[]): readonly KeyedFile[] {
    if (this.#parts.settings.duplicateFilePolicy !== "archive") return files;
    const seen = new Set<string>();
    return files.filter(({ key }) => {
      const text = Buffer.from(key).toString("latin1");
      const isFirst = !seen.has(text);
      seen.add(text);
      return isFirst;
    });
  }

  async #decideFirsts(files: readonly KeyedFile[]): Promise<void> {
    const { duplicateFilePolicy: policy } = this.#parts.settings;
    const fresh = policy === "archive" ? await this.#withoutKnown(files) : files;
    const known = policy === "send" ? await this.#known(files) : [];
    if (!this.#parts.settings.pickup.strictOrder) {
      await Promise.all(fresh.map((one, index) => this.#append(one, known[index] === true)));
      return;
    }
    // A store that fills up may refuse one file and take a smaller one behind it (P14).
    for (const [index, one] of fresh.entries()) {
      if (this.#undecided.length === 0) await this.#append(one, known[index] === true);
      else this.#undecided.push(one.read.file);
    }
  }

  /** Settles those whose content was sent before (P26). @returns the others */
  async #withoutKnown(files: readonly KeyedFile[]): Promise<readonly KeyedFile[]> {
    const known = await this.#known(files);
    await this.#recognised(
      files.filter((_, index) => known[index] === true),
      "duplicate",
    );
    return files.filter((_, index) => known[index] !== true);
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
    files: readonly KeyedFile[],
    verdict: "duplicate" | "reappeared",
  ): Promise<void> {
    if (files.length === 0) return;
    const { claims, channel } = this.#parts;
    await claims.settle(
      files.map(({ read: { file, sha256 }, key }) => ({
        ...{ id: file.id, sha256, contentKey: key, verdict },
      })),
    );
    channel.record.counters.add("filesRepeated", files.length);
    for (const { read } of files) read.large?.discard();
    this.#moves.add(files.map(({ read }) => movable(read.file, read.sha256, { duplicate: true })));
  }

  async #append({ read, key: contentKey }: KeyedFile, repeated: boolean): Promise<void> {
    if (isReappeared(read))
      return await this.#recognised([{ read, key: contentKey }], "reappeared");
    const { file, bytes, totalBytes, large, sha256, about } = read;
    const { channel, doorway, settings, stopping } = this.#parts;
    const { content } = settings;
    const sidecar = this.#sidecar(about.sidecar);
    if (sidecar?.kind === "refused") {
      large?.discard();
      return await this.#setAside({ file, reason: "sidecar", sha256 });
    }
    const [data] = file.files;
    const attributes = fileAttributes({
      ...{ claim: file.claim, content, named: about.named, sidecar },
      name: data?.name ?? EMPTY,
      modifiedNs: data?.modifiedNs ?? 0n,
    });
    const { promise, resolve } = Promise.withResolvers<FileVerdict>();
    doorway.acceptFile(
      {
        ...{ channel, claim: file.claim, content, bytes, totalBytes, large, attributes, repeated },
        ...{ mark: { id: file.id, sha256, contentKey }, stopping },
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
        return await this.#setAside({ file, reason: verdict.reason, sha256 });
      case "refused":
        // No room to set its bad messages aside: it would wait for ever, and hold up the others (03 E7).
        if (verdict.error.code === "QUARANTINE_FULL") {
          return await this.#setAside({ file, reason: "quarantineFull", sha256 });
        }
        // Its row is not what it was: everything is looked at anew.
        if (verdict.error.code === "FILE_CLAIM_ENDED") throw verdict.error;
        this.#undecided.push(file);
        return;
    }
  }

  #setAside(file: Unusable): Promise<void> {
    return setAside(this.#parts, this.#moves, [file]);
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
    for (const part of [data?.name ?? EMPTY, about.sidecar ?? EMPTY]) {
      key.update(`${part.length}:`).update(part);
    }
    return key.digest();
  }
}

/** The disk has forgotten that it was moved: the same file, with the same content (04, crash points). */
function isReappeared({ file: { sameAs }, sha256 }: ReadFile): boolean {
  const before = sameAs?.sha256;
  return before !== undefined && Buffer.compare(before, sha256) === 0;
}
