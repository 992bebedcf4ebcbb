/** W1 to W13 of releases, each condition removed in turn. @module */
import type { Mutant, NamedTests } from "./mutants.ts";

const abuse = (name: string, only: string): NamedTests => ({
  ...{ file: `test/abuse/${name}.test.ts`, only },
});
const metadata = (only: string): NamedTests => abuse("releases", only);
const staged = (only: string): NamedTests => abuse("staged-releases", only);
const packages = (only: string): NamedTests => abuse("packages", only);
const tool = (only: string): NamedTests => ({ file: "test/releases/tool.test.ts", only });

function mutant(
  id: string,
  file: string,
  [search, replacement]: readonly [search: string, replacement: string],
  ...caughtBy: readonly NamedTests[]
): Mutant {
  const edits = [{ file: `releases/${file}.ts`, search, replacement }];
  return { id: `releases: ${id}`, edits, caughtBy };
}

export const RELEASE_MUTANTS: readonly Mutant[] = [
  mutant(
    "W1 not found is any error",
    "fetcher",
    ['throw new DownloadHTTPError("not found", NOT_FOUND)', 'throw new Error("not found")'],
    metadata("every file is fetched once"),
  ),
  mutant(
    "W2 one refresh",
    "refresh",
    [
      "await updater.refresh().then(",
      "await updater.refresh().then(() => updater.refresh()).then(",
    ],
    metadata("every file is fetched once"),
  ),
  mutant(
    "W3 unreadable metadata stops",
    "refresh",
    [
      'return first === "unusable" ? orThrow(await attempt(options, { fromCache: false })) : first;',
      "return orThrow(first);",
    ],
    metadata("again from the compiled-in one"),
  ),
  mutant(
    "W3 a truncated root is a start",
    "metadata-folder",
    [
      "if (fromCache && cached !== undefined && isAtLeast(cached, embedded)) {",
      "if (fromCache && cached !== undefined) {",
    ],
    metadata("root goes first"),
  ),
  mutant(
    "W3 what failed is kept",
    "refresh",
    [
      "if (broken !== undefined) return broken;",
      "folder.commit(work);\n    isKept = true;\n    if (broken !== undefined) return broken;",
    ],
    metadata("leaves what was believed before"),
  ),
  mutant(
    "W4 marks",
    "refresh",
    ["if (older !== undefined) return older;", ""],
    metadata("emptied, then the old repository"),
  ),
  mutant(
    "W4 marks are kept",
    "refresh",
    ["await marks.write(raisedMarks(known, believed));", ""],
    metadata("an older timestamp"),
  ),
  mutant(
    "W5 one key under two ids",
    "inspect",
    ["if (new Set(publicKeys.values()).size !== publicKeys.size) {", "if (publicKeys.size < 0) {"],
    metadata("a key under two ids"),
  ),
  mutant(
    "W5 threshold of one",
    "inspect",
    ["if (threshold < LEAST[name]) return", "if (threshold < 1) return"],
    metadata("a key under two ids"),
  ),
  mutant(
    "W5 a key named twice",
    "inspect",
    ["if (new Set(keyids).size !== keyids.length) return", "if (keyids.length < 0) return"],
    metadata("a key under two ids"),
  ),
  mutant(
    "W5 a key that is absent",
    "inspect",
    ["if (!keyids.every((id) => publicKeys.has(id))) return", "if (keyids.length < 0) return"],
    metadata("a key under two ids"),
  ),
  mutant(
    "W5 a threshold that nobody reaches",
    "inspect",
    ["if (threshold > keyids.length) return", "if (threshold < 0) return"],
    metadata("a key under two ids"),
  ),
  mutant(
    "W6 types of keys",
    "inspect",
    ['if (keytype !== "ed25519" || scheme !== "ed25519") return', 'if (keytype === "") return'],
    metadata("another type of key"),
  ),
  mutant(
    "W6 usable keys",
    "inspect",
    ["if (!isUsable(keyval.public)) return", 'if (keyval.public === "") return'],
    metadata("another type of key"),
  ),
  mutant(
    "W7 delegations",
    "inspect",
    [
      'if (data._type === "targets" && data.delegations !== undefined) {',
      'if (data._type === "targets" && data.version < 0) {',
    ],
    metadata("a delegation"),
  ),
  mutant(
    "W7 delegations in the snapshot",
    "inspect",
    [
      'if (data._type === "snapshot" && Object.keys(data.meta).join() !== "targets.json") {',
      'if (data._type === "snapshot" && data.version < 0) {',
    ],
    metadata("a delegation"),
  ),
  mutant(
    "W8 any format of time",
    "inspect",
    [
      "const expiresMs = parseTime(data.expires);",
      "const expiresMs = Date.parse(data.expires) || undefined;",
    ],
    metadata("expiry in another format"),
  ),
  mutant(
    "W9 a clock that is suspect",
    "refresh",
    ["if (isClockSuspect(options.time)) return", "if (options.time.clockMs < 0) return"],
    metadata("a clock two years back"),
  ),
  mutant(
    "W9 expiry by the floor",
    "refresh",
    [
      "if (expiresMs > nowOf(time)) return undefined;",
      "if (expiresMs > time.clockMs) return undefined;",
    ],
    metadata("a clock two years back"),
  ),
  mutant(
    "W9 expiry is the library's alone",
    "refresh",
    ["if (expiresMs > nowOf(time)) return undefined;", "if (expiresMs > 0) return undefined;"],
    metadata("a clock two years back"),
  ),
  mutant(
    "W10 names that every object has",
    "platforms",
    ["return Object.hasOwn(PLATFORMS, name) ?", "return name in PLATFORMS ?"],
    metadata("names that every object has"),
  ),
  mutant(
    "W11 the list beside an executable",
    "sbom",
    [
      "const file = places.find((one) => existsSync(one));",
      'const file = places.find((one) => one === "");',
    ],
    { file: "test/installer/bill/release.test.ts", only: "beside an executable lies the list" },
  ),
  mutant(
    "W11 the platform",
    "target",
    ["if (custom.data.platform !== platform) return", 'if (custom.data.platform === "") return'],
    staged("a release that needs another one"),
  ),
  mutant(
    "W11 the counter",
    "target",
    ["if (counter < least) {", "if (counter < 0) {"],
    staged("a downgrade"),
  ),
  mutant(
    "W11 the same release again",
    "target",
    ["? mark + 1 : mark;", "? mark : mark;"],
    staged("a downgrade"),
  ),
  mutant(
    "W11 back without a permission",
    "target",
    ["isBack && standing.mayGoBack && counter", "isBack && counter"],
    staged("a downgrade"),
  ),
  mutant(
    "W11 back more than once",
    "target",
    ["counter === previousCounter && !wentBack", "counter === previousCounter"],
    staged("a downgrade"),
  ),
  mutant(
    "W11 back to any release",
    "target",
    ["&& counter === previousCounter && !wentBack", "&& !wentBack"],
    staged("a downgrade"),
  ),
  mutant(
    "W11 minFrom",
    "target",
    ["if (compareVersions(minFrom, standing.running) > 0) return", "if (counter < 0) return"],
    staged("a release that needs another one"),
  ),
  mutant(
    "W11 the SBOM",
    "package",
    ['sbom.kind === "read" && sbom.sha256 === expected', 'sbom.kind === "read"'],
    packages("an SBOM inside"),
  ),
  mutant(
    "W12 metadata without a bound",
    "fetcher",
    ["if (bytes.length > maxLength) throw", "if (bytes.length < 0) throw"],
    metadata("endless metadata"),
  ),
  mutant(
    "W12 a package longer than any",
    "target",
    ["if (described.length > PACKAGE_MAX_BYTES) return", "if (described.length < 0) return"],
    staged("longer than any"),
  ),
  mutant(
    "W12 a copy without a bound",
    "take",
    ["if (length > maxBytes) {", "if (length < 0) {"],
    staged("swapped or grows"),
  ),
  mutant(
    "W12 any good signature",
    "signature/deb",
    ["if (!fingerprints.includes(fingerprint)) {", 'if (fingerprint === "") {'],
    packages("none of its fingerprints"),
  ),
  mutant(
    "W12 members that nobody signed",
    "signature/deb",
    ['others.every(({ name }) => name.startsWith("_gpg"));', "others.length >= 0;"],
    packages("a deb that is unsigned"),
  ),
  mutant(
    "W12 a signature that is not good",
    "signature/deb",
    ["if (!isGood) return", 'if (status === "") return'],
    packages("key that has expired"),
  ),
  mutant(
    "W12 an rpm without a signature",
    "signature/rpm",
    [
      "if (ran?.status !== 0 || !/: digests signatures OK$/m.test(ran.stdout)) {",
      "if (ran === undefined) {",
    ],
    packages("an rpm"),
  ),
  mutant(
    "W13 the hash of a copy",
    "take",
    ["if (taken.sha256 !== expected.sha256) return", 'if (taken.sha256 === "") return'],
    staged("swapped or grows"),
    packages("content that was changed"),
  ),
  mutant(
    "W13 the length of a copy",
    "take",
    ["if (taken.length !== expected.length) return", "if (taken.length < 0) return"],
    staged("swapped or grows"),
  ),
  mutant(
    "W13 a file that was there",
    "take",
    ['await open(path, "wx+", 0o600)', 'await open(path, "w+", 0o600)'],
    staged("swapped or grows"),
  ),
  mutant(
    "W13 any staged name",
    "take",
    ["if (!STAGED_NAME.test(name)) return", 'if (name === "x") return'],
    staged("staging: paths"),
  ),
  mutant(
    "W13 links are followed",
    "take",
    ["constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0)", "constants.O_RDONLY"],
    staged("staging: paths"),
  ),
  mutant(
    "W13 a folder that others can write to",
    "take",
    ["return (stat.mode & 0o022) === 0 ? undefined :", "return stat.mode > 0 ? undefined :"],
    staged("staging: paths"),
  ),
  mutant(
    "the tool publishes what too few have signed",
    "cli/publish",
    ['  if (version > 0) needSignatures(repo.root(version), "root", next);\n', ""],
    tool("all root keys are replaced"),
  ),
  mutant(
    "the tool uses a counter twice",
    "cli/make",
    ["if (releaseCounter > last) return;", "if (releaseCounter > 0) return;"],
    tool("a counter that was used"),
  ),
];
