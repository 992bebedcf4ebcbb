/** A target folder in a temporary one, and an outlet that writes into it. @module */
import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AgentError } from "#agent/errors.ts";
import type { OutletAnswer, OutletFile, OutletSettings } from "#agent/folders/outlet-messages.ts";
import { Outlet } from "#agent/folders/outlet-methods.ts";
import { type Clock, systemClock } from "#agent/host/clock.ts";

export const CREATED_AT_MS = Date.UTC(2026, 10, 26, 9, 8, 7, 65);

export class TargetFolder implements Disposable {
  readonly root = mkdtempSync(join(tmpdir(), "holdfast-target-"));
  readonly folder = join(this.root, "out");
  readonly sent = join(this.root, "sent");

  constructor() {
    mkdirSync(this.folder);
  }

  settings(changed: Partial<OutletSettings> = {}): OutletSettings {
    return {
      ...{ channel: "orders", folder: this.folder, tempFolder: undefined, tempSuffix: ".tmp" },
      ...{ controlSuffix: undefined, onCollision: "suffix", sentFolder: undefined },
      ...{ shareKind: "auto", sentinelFile: undefined, fileMode: 0o640, folderMode: 0o750 },
      ...{ ownNames: undefined, mark: undefined },
      ...changed,
    };
  }

  open(
    changed: Partial<OutletSettings> = {},
    touched: (step: string) => void = () => {},
    clock: Clock = systemClock,
  ): Outlet {
    return new Outlet(this.settings(changed), touched, clock);
  }

  /** Names in the target folder, sorted. */
  get names(): string[] {
    return readdirSync(this.folder).sort();
  }

  /** Name and content of each file, sorted. */
  get files(): string[] {
    return this.names.map((name) => `${name}=${readFileSync(join(this.folder, name), "latin1")}`);
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  [Symbol.dispose](): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}

export const latin1Bytes = (text: string): Uint8Array =>
  new Uint8Array(Buffer.from(text, "latin1"));

/** Message 7 of epoch 3, unless it says otherwise. */
export function fileOf(bytes: Uint8Array, changed: Partial<OutletFile> = {}): OutletFile {
  return {
    ...{ key: 42, name: "order_3-7.hl7", id: "3-7", bytes: bytes.length },
    sha256: new Uint8Array(hash("sha256", bytes, "buffer")),
    ...{ createdAtMs: CREATED_AT_MS, sentAtMs: CREATED_AT_MS + 60_000 },
    ...changed,
  };
}

/** Writes a whole message in slices. @returns what the last call answered */
export function writeWhole(
  outlet: Outlet,
  content: Uint8Array | string,
  changed: Partial<OutletFile> = {},
  sliceBytes = Number.POSITIVE_INFINITY,
): OutletAnswer {
  const all = typeof content === "string" ? latin1Bytes(content) : content;
  const file = fileOf(all, changed);
  for (let from = 0; ; ) {
    const bytes = all.subarray(from, from + Math.min(sliceBytes, all.length));
    const last = from + bytes.length >= all.length;
    const answer = outlet.write({ file, from, bytes, last });
    if (last || answer.outcome !== "more") return answer;
    from += bytes.length;
  }
}

/** A small HL7 message. */
export const MESSAGE = "MSH|^~\\&|A|B\rPID|1\r";
export const WRITTEN: OutletAnswer = { outcome: "written", collided: false };
export const COLLIDED: OutletAnswer = { outcome: "written", collided: true };
export const THERE: OutletAnswer = { outcome: "there" };

/** What follows a collision: time of the row, hash of the content. */
export function suffixOf(content = MESSAGE): string {
  const { sha256 } = fileOf(latin1Bytes(content));
  return `_20261126T090807_${Buffer.from(sha256.subarray(0, 4)).toString("hex")}`;
}

/** Code and facts of a fault of the catalogue. */
export function faultOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    assert.ok(error instanceof AgentError, String(error));
    return [error.code, ...Object.entries(error.facts).map(([k, v]) => `${k}=${v}`)].join(" ");
  }
  return "done";
}

export const modeOf = (path: string): number => lstatSync(path).mode & 0o7777;

/** A program of its own that opens the folder of `settings` and runs `lines`, in which `outlet` is open. */
export function outletProgram(settings: OutletSettings, lines: string): readonly string[] {
  const text = `
    import { AgentError } from "#agent/errors.ts";
import { Outlet } from "#agent/folders/outlet-methods.ts";
    import { systemClock } from "#agent/host/clock.ts";
    import { MESSAGE, writeWhole } from "#test/support/target-folder.ts";
    let touched = () => {};
    const outlet = new Outlet(JSON.parse(process.argv[1]), (step) => touched(step), systemClock);
    ${lines}`;
  const node = [process.execPath, "--input-type=module", "-e", text];
  return [...node, JSON.stringify(settings)];
}
