/**
 * Writes one message after the other into a target folder, so that a reader sees each whole or not at all
 * (04 P53 to P57, P59).
 *
 * ```
 *  temporary file, exclusively → bytes → flush → (a copy for `sent/`) → final name, exclusively →
 *  temporary name goes → folder flushed → control file → folder flushed
 * ```
 *
 * Whatever it is stopped between, the same message may be written again from the start: what lies there
 * under its name, with its id and its hash, is it.
 *
 * @module
 */
import { createHash, type Hash } from "node:crypto";
import { closeSync, fsyncSync } from "node:fs";
import { NAMES_TRIED_MAX_COUNT } from "../limits.ts";
import { doing } from "./faults.ts";
import type { Folder } from "./folder.ts";
import { isNamed, isSameContent, renameTo, writeAll } from "./outlet-content.ts";
import { publishedFault } from "./outlet-fault.ts";
import { isRemoved, type OpenFile, TemporaryFiles } from "./outlet-leftovers.ts";
import type { OutletAnswer, OutletFile, OutletMethods, OutletSettings } from "./outlet-messages.ts";
import { isSafeName, nameAfterCollision } from "./outlet-names.ts";
import type { SentCopies, SentCopy } from "./outlet-sent.ts";
import type { Visit } from "./roots.ts";

export interface OutletWriterParts {
  readonly settings: OutletSettings;
  /** `undefined`: none are kept. */
  readonly sent: SentCopies | undefined;
  /** After each step of the system, with its name. */
  readonly touched: (step: string) => void;
  /** A file lies there under this name, and all that belongs to it. */
  readonly published: (name: string) => void;
}

/** The folders of one call. */
interface Site {
  readonly visit: Visit;
  readonly target: Folder;
  readonly temp: Folder;
}

/** The message that is being written. */
interface InHand {
  readonly file: OutletFile;
  /** The name that was free when it was begun. */
  readonly name: string;
  readonly temporary: OpenFile;
  readonly digest: Hash;
  copy: SentCopy | undefined;
  done: number;
  isOpen: boolean;
}

type Choice =
  /** `there`: it is this message already. */
  { readonly kind: "free" | "there"; readonly name: string } | { readonly kind: "taken" };

export class OutletWriter {
  readonly #parts: OutletWriterParts;
  readonly #temporary: TemporaryFiles;
  #hand: InHand | undefined;
  /** Of the message in hand: a reader may have seen it. */
  #isPublished = false;
  /** What got its name last: a step behind it may have failed, and then it is asked for again. */
  #last: { readonly key: number; readonly name: string } | undefined;

  constructor(parts: OutletWriterParts) {
    const { channel, tempSuffix, fileMode } = parts.settings;
    this.#parts = parts;
    this.#temporary = new TemporaryFiles(channel, tempSuffix, fileMode);
  }

  /** Removes what a crash has left. @returns how many files that were */
  sweep(visit: Visit): number {
    const { temp } = this.#siteOf(visit);
    return this.#temporary.sweep(temp, () => this.#parts.touched("list"));
  }

  /** That a file can be made. @throws {AgentError} `FOLDER_FAILED`, `FOLDER_MOVED` */
  look(visit: Visit): void {
    const { temp } = this.#siteOf(visit);
    const { name, descriptor } = this.#temporary.create(temp, "look");
    closeSync(descriptor);
    isRemoved(temp, name);
  }

  /** @throws {AgentError} `FOLDER_FAILED`, `FOLDER_MOVED`: nothing is in hand any more */
  write(
    visit: Visit,
    { file, from, bytes, last }: OutletMethods["outletWrite"]["ask"],
  ): OutletAnswer {
    try {
      if (from === 0) this.#isPublished = false;
      const site = this.#siteOf(visit);
      const found = from === 0 ? this.#begin(site, file) : undefined;
      if (found !== undefined) return found;
      const hand = this.#handOf(file, from);
      this.#append(hand, bytes);
      return last ? this.#finish(site, hand) : { outcome: "more" };
    } catch (error) {
      this.drop(visit);
      throw this.#isPublished ? publishedFault(error) : error;
    }
  }

  /** Gives up what is in hand. */
  drop(visit: Visit): void {
    const hand = this.#hand;
    this.#hand = undefined;
    if (hand === undefined) return;
    close(hand);
    hand.copy?.close();
    try {
      isRemoved(this.#siteOf(visit).temp, hand.temporary.name);
      hand.copy?.drop(visit);
    } catch {
      // Of no consequence: the folder is not there, and what is in it is swept at the next start.
    }
  }

  #siteOf(visit: Visit): Site {
    const target = visit.root("target");
    const hasOwn = this.#parts.settings.tempFolder !== undefined;
    return { visit, target, temp: hasOwn ? visit.root("temp") : target };
  }

  #begin(site: Site, file: OutletFile): OutletAnswer | undefined {
    this.drop(site.visit);
    if (!isSafeName(file.name)) throw new RangeError("Cannot write under a name that is not safe");
    const choice = this.#choose(site, file);
    if (choice.kind === "taken") return { outcome: "nameTaken" };
    if (choice.kind === "there") return this.#there(site, choice.name);
    const temporary = this.#temporary.create(site.temp, file.key);
    const begun = { digest: createHash("sha256"), done: 0, isOpen: true, copy: undefined };
    this.#hand = { file, name: choice.name, temporary, ...begun };
    this.#parts.touched("create");
    this.#hand.copy = this.#parts.sent?.begin(site.visit, file);
    return undefined;
  }

  #handOf(file: OutletFile, from: number): InHand {
    const hand = this.#hand;
    if (hand?.file.key !== file.key || hand.done !== from) {
      throw new RangeError(`Cannot write from ${from}: the message in hand is not there`);
    }
    return hand;
  }

  #append(hand: InHand, bytes: Uint8Array): void {
    doing(this.#tempRole, "write", () => writeAll(hand.temporary.descriptor, bytes));
    this.#parts.touched("write");
    hand.copy?.append(bytes);
    hand.digest.update(bytes);
    hand.done += bytes.length;
  }

  #finish(site: Site, hand: InHand): OutletAnswer {
    const { file, temporary, copy } = hand;
    const isWhole = Buffer.compare(hand.digest.digest(), file.sha256) === 0;
    if (hand.done !== file.bytes || !isWhole) {
      throw new RangeError("Cannot publish what is not the whole message");
    }
    doing(this.#tempRole, "flush", () => fsyncSync(temporary.descriptor));
    this.#parts.touched("flush");
    close(hand);
    copy?.keep(site.visit, hand.name);
    return this.#publish(site, hand);
  }

  #publish(site: Site, hand: InHand): OutletAnswer {
    for (let name = hand.name; ; ) {
      if (this.#isGiven(site, hand, name)) return this.#written(site, hand, name);
      // Somebody has made a file of this name meanwhile.
      const choice = this.#choose(site, hand.file);
      if (choice.kind !== "free") this.drop(site.visit);
      if (choice.kind === "taken") return { outcome: "nameTaken" };
      if (choice.kind === "there") return this.#there(site, choice.name);
      name = choice.name;
    }
  }

  /** @returns false if there is a file of this name */
  #isGiven({ target, temp }: Site, { temporary }: InHand, name: string): boolean {
    if (this.#parts.settings.onCollision !== "overwrite") {
      return isNamed(temp, temporary.name, target, name);
    }
    renameTo(temp, temporary.name, target, name);
    return true;
  }

  #written(site: Site, { temporary, file }: InHand, name: string): OutletAnswer {
    this.#hand = undefined;
    this.#isPublished = true;
    this.#last = { key: file.key, name };
    this.#parts.touched("publish");
    // If it stays it is swept at the next start: the message is where it belongs.
    isRemoved(site.temp, temporary.name);
    this.#parts.touched("remove");
    this.#complete(site.target, name);
    return { outcome: "written", collided: name !== file.name };
  }

  /** 04 P57. */
  #there({ target }: Site, name: string): OutletAnswer {
    this.#isPublished = true;
    this.#complete(target, name);
    return { outcome: "there" };
  }

  /** What follows the final name: the folder on the disk, the control file last. */
  #complete(target: Folder, name: string): void {
    const { controlSuffix, fileMode } = this.#parts.settings;
    target.flush();
    this.#parts.touched("flushFolder");
    if (controlSuffix !== undefined) {
      // One that is there from before, by us or by anybody, says the same.
      const descriptor = target.create(`${name}${controlSuffix}`, fileMode);
      if (descriptor !== undefined) flushAndClose(target, descriptor);
      this.#parts.touched("control");
      target.flush();
      this.#parts.touched("flushFolder");
    }
    this.#parts.published(name);
  }

  #choose({ target }: Site, file: OutletFile): Choice {
    const { onCollision } = this.#parts.settings;
    for (let attempt = 0; attempt < NAMES_TRIED_MAX_COUNT; attempt++) {
      const name = attempt === 0 ? file.name : nameAfterCollision(file.name, attempt, file);
      const found = this.#lookAt(target, name, file);
      if (found === "own") return { kind: "there", name };
      if (found === "free" || onCollision === "overwrite") return { kind: "free", name };
      if (onCollision === "hold") break;
    }
    return { kind: "taken" };
  }

  #lookAt(target: Folder, name: string, file: OutletFile): "free" | "own" | "others" {
    const { controlSuffix } = this.#parts.settings;
    const isThere = target.look(name) !== undefined;
    this.#parts.touched("look");
    if (isThere) {
      const compared = (): void => this.#parts.touched("compare");
      const isSame = this.#saysOwn(name, file) && isSameContent(target, name, file, compared);
      return isSame ? "own" : "others";
    }
    // A control file of somebody else would speak for ours before it is there.
    if (controlSuffix === undefined) return "free";
    return target.look(`${name}${controlSuffix}`) === undefined ? "free" : "others";
  }

  /** Whether a file of this name can be this message at all. */
  #saysOwn(name: string, { id, key }: OutletFile): boolean {
    const isLast = this.#last?.key === key && this.#last.name === name;
    return isLast || (id !== undefined && name.includes(id));
  }

  get #tempRole(): "target" | "temp" {
    return this.#parts.settings.tempFolder === undefined ? "target" : "temp";
  }
}

function close(hand: InHand): void {
  if (hand.isOpen) closeSync(hand.temporary.descriptor);
  hand.isOpen = false;
}

function flushAndClose(target: Folder, descriptor: number): void {
  try {
    doing(target.role, "flush", () => fsyncSync(descriptor));
  } finally {
    closeSync(descriptor);
  }
}
