/** `local.yaml` within reach of the account that the agent runs as (07 2.7). @module */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { type Account, protectionFault } from "#config/local-file.ts";
import { agentCommand } from "#test/support/processes.ts";

const ROOT = process.getuid?.() === 0;
const SKIPPED = ROOT ? {} : { skip: "needs root, to give files to other accounts: not tested" };

const folder = realpathSync(mkdtempSync(join(tmpdir(), "holdfast-local-file-")));
after(() => rmSync(folder, { recursive: true }));
chmodSync(folder, 0o755);

const SERVICE: Account = { uid: 998, gids: [997] };
const PERSON: Account = { uid: 1_000, gids: [1_000] };
const MASTER: Account = { uid: 0, gids: [0] };
const YAML = `stateDir: state
receiver: { url: wss://gateway.example.org }
identity: { certificate: a.crt, key: a.key, receiverCa: ca.crt }
channels: [{ name: adt, kind: mllp-listener, port: 0 }]
`;

interface Rights {
  readonly owner?: number;
  readonly group?: number;
  readonly mode?: number;
}

function give(path: string, { owner = 0, group = 0, mode = 0o640 }: Rights): void {
  chownSync(path, owner, group);
  chmodSync(path, mode);
}

let count = 0;
/** A `local.yaml` in a folder of its own. */
function made(file: Rights = {}, above: Rights = {}): string {
  const own = join(folder, String(count++));
  mkdirSync(own);
  const path = join(own, "local.yaml");
  writeFileSync(path, YAML);
  give(path, file);
  give(own, { mode: 0o755, ...above });
  return path;
}

const GOOD: readonly (readonly [string, Rights, Rights, Account])[] = [
  [
    "root's file, read by the service's group",
    { group: 997 },
    { group: 997, mode: 0o750 },
    SERVICE,
  ],
  ["root's file, for the agent as root", {}, {}, MASTER],
  ["root's file that root's group writes", { mode: 0o664 }, {}, SERVICE],
  ["a file in a folder like /tmp", {}, { mode: 0o1777 }, SERVICE],
];
for (const [what, file, above, account] of GOOD) {
  test(`[U33] ${what} is believed`, SKIPPED, () => {
    for (const source of ["local", "signed"] as const) {
      assert.equal(protectionFault(made(file, above), source, account), undefined);
    }
  });
}

const BAD: readonly (readonly [string, Rights, Rights, Account, RegExp])[] = [
  ["of the service account", { owner: 998 }, {}, SERVICE, /must belong to root/],
  // As containers of some platforms run: any user, and root's group.
  [
    "that root's group writes, with the service in it",
    { mode: 0o664 },
    {},
    { uid: 998, gids: [0] },
    /can be written by other accounts/,
  ],
  ["of another account", { owner: 1_001 }, {}, SERVICE, /must belong to root/],
  ["of another account, for root", { owner: 1_001 }, {}, MASTER, /must belong to root/],
  ["that everybody writes", { mode: 0o666 }, {}, SERVICE, /can be written by other accounts/],
  [
    "that everybody writes, for root",
    { mode: 0o666 },
    {},
    MASTER,
    /can be written by other accounts/,
  ],
  ["that the service's group writes", { group: 997, mode: 0o660 }, {}, SERVICE, /can be written/],
  ["in the service's folder", {}, { owner: 998 }, SERVICE, /could replace the file/],
  ["in the service's sticky folder", {}, { owner: 998, mode: 0o1777 }, SERVICE, /could replace/],
  ["in a folder of its group", {}, { group: 997, mode: 0o775 }, SERVICE, /could replace the file/],
  ["in a folder of everybody", {}, { mode: 0o777 }, SERVICE, /could replace the file/],
];
for (const [what, file, above, account, expected] of BAD) {
  test(`[U33] a file ${what} is not believed`, SKIPPED, () => {
    for (const source of ["local", "signed"] as const) {
      assert.match(protectionFault(made(file, above), source, account) ?? "", expected);
    }
  });
}

test(
  "[U33] a person's own file is for trials: not where signed configuration has to be kept within it",
  SKIPPED,
  () => {
    const path = made({ owner: 1_000, group: 1_000, mode: 0o664 }, { owner: 1_000 });
    assert.equal(protectionFault(path, "local", PERSON), undefined);
    assert.match(protectionFault(path, "signed", PERSON) ?? "", /must belong to root/);
    const shared = made({ owner: 1_000, group: 50, mode: 0o664 });
    assert.match(protectionFault(shared, "local", PERSON) ?? "", /can be written/);
    assert.match(
      protectionFault(path, "local", { ...PERSON, uid: 1_001 }) ?? "",
      /must belong to root/,
    );
  },
);

test(
  "[U33] a link is not believed, nor a way through a folder in which the account could turn one",
  SKIPPED,
  () => {
    const path = made();
    const link = join(folder, "link.yaml");
    symlinkSync(path, link);
    for (const account of [SERVICE, PERSON, MASTER]) {
      assert.match(protectionFault(link, "local", account) ?? "", /is a link/);
    }
    const own = join(folder, "own");
    mkdirSync(own);
    symlinkSync(join(path, ".."), join(own, "etc"));
    give(own, { owner: 998, mode: 0o755 });
    const through = join(own, "etc/local.yaml");
    assert.match(protectionFault(through, "local", SERVICE) ?? "", /could replace the file/);
    assert.equal(protectionFault(through, "local", { uid: 999, gids: [999] }), undefined);
  },
);

test(
  "[U33] `holdfast run` does not start with such a file: exit 78, and it says which and why",
  SKIPPED,
  () => {
    const exposed = made({ mode: 0o666 });
    const link = join(folder, "run.yaml");
    symlinkSync(made(), link);
    for (const [path, expected] of [
      [exposed, /can be written/],
      [link, /is a link/],
    ] as const) {
      const [program = "", ...args] = agentCommand(path);
      const { status, stderr, stdout } = spawnSync(program, args, { encoding: "utf8" });
      assert.equal(status, 78, stderr);
      assert.match(stderr, expected);
      assert.ok(stderr.includes(path));
      assert.equal(stdout, "");
    }
  },
);
