import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { DocumentError } from "#config/document.ts";
import type { FileDropConfig } from "#config/file-drop.ts";
import { type FolderClash, folderClashes, type UsedFolder } from "#config/folders.ts";
import { loadLocalConfig } from "#config/local.ts";

const folder = mkdtempSync(join(tmpdir(), "holdfast-drop-config-"));
after(() => rmSync(folder, { recursive: true }));
const file = join(folder, "local.yaml");
const HEAD = `stateDir: state
receiver:
  url: wss://gateway.example.org
identity:
  certificate: a.crt
  key: a.key
  receiverCa: /etc/ca.crt
channels:
`;

const drop = (name: string, more: string): string =>
  `  - name: ${name}\n    kind: file-drop\n${more.replace(/^/gm, "    ")}\n`;

function load(channels: string): FileDropConfig[] {
  writeFileSync(file, HEAD + channels);
  return loadLocalConfig(file).drops;
}

function problems(channels: string): string[] {
  try {
    load(channels);
  } catch (error) {
    assert.ok(error instanceof DocumentError);
    return error.problems.map(({ line, column, message }) => `${line}:${column} ${message}`);
  }
  return [];
}

test("[P2] folders that are not named lie beside the drop folder, relative to the file", () => {
  const [only] = load(drop("files", "folder: ../results/in"));
  const beside = join(folder, "../results");
  assert.equal(only?.folder, join(beside, "in"));
  assert.equal(only.workFolder, join(beside, "work"));
  assert.equal(only.archiveFolder, join(beside, "archive"));
  assert.equal(only.errorFolder, join(beside, "error"));
});

test("[P47] a sentinel is a name in the drop folder: by a path the agent would take it for a drop", () => {
  const sentinel = (text: string) => drop("files", `folder: in\nsentinelFile: ${text}`);
  for (const bad of ["/srv/in/here", "./here", "sub/here", '"sub\\\\here"', "..", '"."', '""']) {
    assert.match(
      problems(sentinel(bad)).join(),
      /must be the bare name of a file in the drop folder/,
      bad,
    );
  }
  for (const good of ["here", ".here", "..here", '"a b.txt"']) {
    assert.deepEqual(problems(sentinel(good)), [], good);
  }
});

test("[P2] two channels that would share a folder are refused, at the line of the second", () => {
  const found = problems(
    drop("one", "folder: /srv/a/in") + drop("two", "folder: /srv/b/in\nworkFolder: /srv/a/in"),
  );
  assert.deepEqual(found, [
    "15:5 'channels.1.workFolder' is the same folder as folder of channels[0]: give each its own",
  ]);
});

test("[P2] two drop folders in one parent share folders that nobody has named: each is said with its key and its path", () => {
  const found = problems(drop("one", "folder: /srv/a/in") + drop("two", "folder: /srv/a/in2"));
  assert.deepEqual(
    found,
    ["work", "archive", "error"].map((name) => {
      const place = `(by default /srv/a/${name})`;
      return `12:5 'channels.1.${name}Folder' ${place} is the same folder as ${name}Folder of channels[0] ${place}: give each its own`;
    }),
  );
  const apart = drop(
    "two",
    "folder: /srv/a/in2\nworkFolder: /srv/a/w2\narchiveFolder: /srv/a/a2\nerrorFolder: /srv/a/e2",
  );
  assert.deepEqual(problems(drop("one", "folder: /srv/a/in") + apart), []);
});

describe("[P2] nothing that the agent writes may be read as a drop", () => {
  const rows: readonly [string, readonly Partial<UsedFolder>[], boolean][] = [
    [
      "the archive is the drop folder",
      [{ path: "/a/in" }, { path: "/a/in", use: "written" }],
      true,
    ],
    [
      "the archive is a subfolder, which is not entered",
      [{ path: "/a" }, { path: "/a/x", use: "written" }],
      false,
    ],
    [
      "the archive is a subfolder, and subfolders are drops",
      [
        { path: "/a", recursive: true },
        { path: "/a/x", use: "written" },
      ],
      true,
    ],
    [
      "the drop folder lies in an archive",
      [{ path: "/a/x/2026" }, { path: "/a/x", use: "written" }],
      true,
    ],
    [
      "one drop folder below another that is recursive",
      [{ path: "/a", recursive: true }, { path: "/a/b" }],
      true,
    ],
    ["one drop folder below another that is not", [{ path: "/a" }, { path: "/a/b" }], false],
    [
      "names with a common beginning",
      [
        { path: "/a/in", recursive: true },
        { path: "/a/in2", use: "written" },
      ],
      false,
    ],
    [
      "two archives, one in the other",
      [
        { path: "/a/x", use: "written" },
        { path: "/a/x/y", use: "written" },
      ],
      false,
    ],
    ["the drop folder is the state folder", [{ path: "/state" }], true],
    ["the drop folder lies in the state folder", [{ path: "/state/in" }], true],
    ["the state folder lies in a recursive drop folder", [{ path: "/", recursive: true }], true],
  ];
  const clashes = (folders: readonly Partial<UsedFolder>[]): FolderClash[] =>
    folderClashes(
      folders.map((one, channel) => {
        return { channel, key: "folder", path: "/a", use: "drop", recursive: false, ...one };
      }),
      "/state",
    );
  for (const [name, folders, isBad] of rows) {
    test(`[P2] ${name}: ${isBad ? "refused" : "allowed"}`, () => {
      assert.equal(clashes(folders).length > 0, isBad);
    });
  }
});

describe("what has no meaning is refused, with what to do", () => {
  const rows: readonly [string, string, RegExp][] = [
    ["[P25] leave without claimBy row", "afterCommit: leave", /only with claimBy: row/],
    ["[P33] a mode that YAML would read as a number", "fileMode: 0640", /in quotes/],
    ["[P33] files that could be run", 'fileMode: "0755"', /not executable/],
    ["[P33] folders that the agent could not enter", 'folderMode: "0640"', /all for the owner/],
    ["[P41] acknowledgment files", "fileAck: batch", /must be none/],
    ["[P43] a pattern that is none", "namePattern: '(?<x'", /regular expression/],
    ["[P44] a side-car of an HL7 file", "sidecar: json", /no meaning with content: hl7/],
    ["[P9] a gate for PDF before HL7", "contentGate: pdf", /hl7 or off/],
    ["[P6] a pattern with a path", "ignorePatterns: ['../x']", /not a path/],
    [
      "an unknown key",
      "archiveFoldr: x",
      /unknown key 'archiveFoldr', did you mean 'archiveFolder'/,
    ],
    ["a key of another kind", "port: 2575", /unknown key 'port': another kind has it/],
  ];
  for (const [name, line, message] of rows) {
    test(name, () => {
      const found = problems(drop("files", `folder: /srv/a/in\n${line}`));
      assert.ok(
        found.some((one) => message.test(one)),
        found.join("\n"),
      );
    });
  }
});
