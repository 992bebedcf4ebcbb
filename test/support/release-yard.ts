/** Release metadata as the vendor would sign it, or as an attacker would have it, without the tool. @module */
import { createHash, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { rawOf } from "#documents/public-key.ts";
import { formatTime } from "#documents/time.ts";
import { type MarksStore, NO_MARKS, type ReleaseMarks } from "#releases/marks.ts";
import { MetadataFolder } from "#releases/metadata-folder.ts";
import { type Refreshed, refreshReleases } from "#releases/refresh.ts";
import type { Refused } from "#releases/refusal.ts";
import type { ReleaseSource } from "#releases/source.ts";

const DAY_MS = 86_400_000;
/** The library reads the machine's clock: lifetimes are measured from it. */
export const NOW_MS = Date.now();
export const inDays = (days: number): string => formatTime(NOW_MS + days * DAY_MS);

export interface YardKey {
  readonly key: KeyObject;
  readonly id: string;
  readonly hex: string;
}

export type Json = { [name: string]: unknown };
type Change = (signed: Json) => void;

const keyJson = (hex: string): Json => ({
  ...{ keytype: "ed25519", scheme: "ed25519", keyval: { public: hex } },
});

export const sha256 = (bytes: Uint8Array | string): string =>
  createHash("sha256").update(bytes).digest("hex");

function newKey(): YardKey {
  const { privateKey } = generateKeyPairSync("ed25519");
  const hex = Buffer.from(rawOf(privateKey)).toString("hex");
  return { key: privateKey, hex, id: sha256(canonical(keyJson(hex))) };
}

const newKeys = (count: number): YardKey[] => Array.from({ length: count }, newKey);
export const KEYS = {
  root: newKeys(3),
  targets: newKeys(3),
  snapshot: newKeys(1),
  timestamp: newKeys(1),
  /** Of nobody. */
  foreign: newKeys(3),
};
export type YardRoles = Readonly<Record<"root" | "targets" | "snapshot" | "timestamp", YardKey[]>>;

/** Canonical JSON of the values that metadata has: keys in order, no spaces. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([name, one]) => `${JSON.stringify(name)}:${canonical(one)}`).join(",")}}`;
}

export function signed(content: Json, keys: readonly YardKey[]): Uint8Array {
  const bytes = Buffer.from(canonical(content));
  const signatures = keys.map(({ key, id }) => ({
    ...{ keyid: id, sig: sign(undefined, bytes, key).toString("hex") },
  }));
  return new TextEncoder().encode(JSON.stringify({ signatures, signed: content }));
}

const common = (type: string, version: number, days: number): Json => ({
  ...{ _type: type, spec_version: "1.0.31", version, expires: inDays(days) },
});

export function rootJson(version: number, roles: YardRoles = KEYS): Json {
  const all = [roles.root, roles.targets, roles.snapshot, roles.timestamp].flat();
  const role = (keys: readonly YardKey[]): Json => ({
    ...{ keyids: keys.map(({ id }) => id), threshold: keys.length > 1 ? 2 : 1 },
  });
  return {
    ...common("root", version, 1_000),
    consistent_snapshot: true,
    keys: Object.fromEntries(all.map(({ id, hex }) => [id, keyJson(hex)])),
    roles: {
      ...{ root: role(roles.root), targets: role(roles.targets) },
      ...{ snapshot: role(roles.snapshot), timestamp: role(roles.timestamp) },
    },
  };
}

/** A number in three digits names the content of a package. */
export const packageBytes = (release: number): Uint8Array =>
  new TextEncoder().encode(`package ${release}`);

export const customJson = (release: number, more: Json = {}): Json => ({
  ...{ version: `1.${release}.0`, platform: "linux-x64-deb", releaseCounter: release },
  ...{ minFrom: "0.1.0", sbomSha256: sha256(`sbom ${release}`), ...more },
});

export function targetsJson(version: number, more: Json = {}): Json {
  const content = packageBytes(version);
  const target = { length: content.length, hashes: { sha256: sha256(content) } };
  const targets = { "linux-x64/holdfast.deb": { ...target, custom: customJson(version, more) } };
  return { ...common("targets", version, 300), targets };
}

const metaOf = (version: number, bytes: Uint8Array): Json => ({
  ...{ version, length: bytes.length, hashes: { sha256: sha256(bytes) } },
});

export interface Plan {
  /** Version of targets, snapshot and timestamp. */
  readonly version?: number;
  readonly roots?: ReadonlyMap<number, Uint8Array>;
  readonly targets?: Uint8Array;
  readonly snapshot?: Uint8Array;
  readonly timestamp?: Uint8Array;
  /** What an attacker who holds the keys, or a careless vendor, would sign. */
  readonly change?: Partial<
    Readonly<Record<"root" | "targets" | "snapshot" | "timestamp", Change>>
  >;
  readonly roles?: YardRoles;
}

export type Files = Map<string, Uint8Array>;

/** A repository that is right, but for what `plan` says. */
export function repository({ version = 1, change = {}, roles = KEYS, ...plan }: Plan = {}): Files {
  const changed = (name: keyof typeof change, content: Json): Json => {
    change[name]?.(content);
    return content;
  };
  const root = signed(changed("root", rootJson(1, roles)), roles.root.slice(0, 2));
  const targets =
    plan.targets ?? signed(changed("targets", targetsJson(version)), roles.targets.slice(0, 2));
  const snapshotContent = {
    ...common("snapshot", version, 90),
    meta: { "targets.json": metaOf(version, targets) },
  };
  const snapshot = plan.snapshot ?? signed(changed("snapshot", snapshotContent), roles.snapshot);
  const timestampContent = {
    ...common("timestamp", version, 90),
    meta: { "snapshot.json": metaOf(version, snapshot) },
  };
  const timestamp =
    plan.timestamp ?? signed(changed("timestamp", timestampContent), roles.timestamp);
  const files: Files = new Map([
    ["1.root.json", root],
    [`${version}.targets.json`, targets],
    [`${version}.snapshot.json`, snapshot],
    ["timestamp.json", timestamp],
  ]);
  for (const [number, bytes] of plan.roots ?? []) files.set(`${number}.root.json`, bytes);
  return files;
}

export class MapSource implements ReleaseSource {
  readonly files: Files;
  /** Every name that was asked for, in order. */
  readonly asked: string[] = [];

  constructor(files: Files) {
    this.files = files;
  }

  async metadata(name: string): Promise<Uint8Array | undefined> {
    this.asked.push(name);
    return this.files.get(name);
  }
}

export class MemoryMarks implements MarksStore {
  marks: ReleaseMarks = NO_MARKS;

  async read(): Promise<ReleaseMarks> {
    return this.marks;
  }

  async write(marks: ReleaseMarks): Promise<void> {
    this.marks = marks;
  }
}

/** An updater with its cache and its marks, which looks at one repository after the other. */
export class Looker implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), "holdfast-releases-"));
  readonly marks = new MemoryMarks();
  root: Uint8Array = repository().get("1.root.json") ?? new Uint8Array();

  get cache(): string {
    return join(this.folder, "metadata");
  }

  /** @param source files, or a source of its own kind */
  async look(
    source: Files | ReleaseSource,
    { clockMs = NOW_MS, floorMs = 0 } = {},
  ): Promise<Refreshed | Refused> {
    return refreshReleases({
      ...{ root: this.root, source: source instanceof Map ? new MapSource(source) : source },
      ...{ folder: new MetadataFolder(this.cache), marks: this.marks, time: { clockMs, floorMs } },
    });
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** @returns code and step: `KEYS at W5` */
export function refusalOf(answer: { readonly kind: string }): string {
  if (answer.kind !== "refused") return answer.kind;
  const { code, step } = answer as Refused;
  return `${code} at ${step}`;
}
