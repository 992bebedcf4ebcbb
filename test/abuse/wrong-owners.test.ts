/** 08 9, H08: files and folders that other accounts own or may write to: the agent does not start, and says which. H04: databases. */
import assert from "node:assert/strict";
import { chmodSync, chownSync, globSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { AgentFolder } from "#test/support/agent-folder.ts";
import { startAgent } from "#test/support/processes.ts";

const isRoot = process.getuid?.() === 0;
const NOBODY = 65_534;

/** What is done to which of them, what the agent ends with, and what it says. */
interface Wrong {
  readonly what: string;
  readonly path: (folder: AgentFolder) => string;
  readonly mode?: number;
  readonly owner?: number;
  readonly exit: 77 | 78;
  readonly said: RegExp;
}

const key = ({ stateDir }: AgentFolder): string => {
  const [name = ""] = readdirSync(join(stateDir, "keys"));
  return join(stateDir, "keys", name);
};
const kek = ({ path }: AgentFolder): string => join(path, "agent/kek");
const store = ({ stateDir }: AgentFolder): string => stateDir;

const WRONG: readonly Wrong[] = [
  {
    ...{ what: "local.yaml that everybody may write", path: ({ config }) => config, mode: 0o666 },
    ...{ exit: 78, said: /local\.yaml:1:1: .*can be written by other accounts/ },
  },
  {
    ...{ what: "local.yaml of another account", path: ({ config }) => config, owner: NOBODY },
    ...{ exit: 78, said: /local\.yaml:1:1: .*must belong to root/ },
  },
  {
    ...{ what: "a state folder that a group may write", path: store, mode: 0o770 },
    ...{ exit: 77, said: /STORE_NOT_PERMITTED/ },
  },
  {
    ...{ what: "a state folder of another account", path: store, owner: NOBODY },
    ...{ exit: 77, said: new RegExp(`uid=${NOBODY}.*STORE_NOT_PERMITTED`) },
  },
  {
    ...{ what: "a folder of the key-encryption key that others may enter", path: kek, mode: 0o755 },
    ...{ exit: 78, said: /KEK_EXPOSED/ },
  },
  {
    ...{ what: "a key-encryption key of another account", owner: NOBODY },
    ...{ path: (folder) => join(kek(folder), "holdfast.kek"), exit: 78, said: /KEK_EXPOSED/ },
  },
];

describe("what is not the agent's own", {
  skip: isRoot ? false : "not tested: only root gives files away",
}, () => {
  for (const { what, path, mode, owner, exit, said } of WRONG) {
    test(`[H08] ${what}: it does not start, and says which`, async () => {
      using folder = await AgentFolder.make();
      {
        await using agent = await folder.start();
        await agent.end("SIGTERM");
      }
      const spoilt = path(folder);
      if (mode !== undefined) chmodSync(spoilt, mode);
      if (owner !== undefined) chownSync(spoilt, owner, owner);
      await using refused = startAgent(folder.config);
      const { code } = await refused.ended;
      assert.match(refused.errors, said);
      assert.equal(code, exit);
    });
  }

  test("[H08] a wrapped key that others may read opens nothing by itself: it lies in a folder of the account alone", async () => {
    using folder = await AgentFolder.make();
    await using agent = await folder.start();
    await agent.end("SIGTERM");
    const modes = [join(folder.stateDir, "keys"), folder.stateDir].map((path) => readModeOf(path));
    assert.deepEqual(modes, [0o700, 0o700]);
    assert.equal(readModeOf(key(folder)) & 0o077, 0);
  });
});

test("[H04] no statement names another database: nothing is attached, written elsewhere, or loaded as an extension", () => {
  const files = globSync("{agent,packaged}/**/*.ts");
  const opening: string[] = [];
  for (const file of files) {
    const text = readFileSync(file, "utf8").replaceAll(/\/\*[\s\S]*?\*\//g, "");
    assert.doesNotMatch(text, /\bATTACH\b|\bVACUUM\s+INTO\b|load_extension|loadExtension/, file);
    if (/\bopenSqlite\(/.test(text) && file !== "packaged/sqlite.ts") opening.push(file);
  }
  // Each of them in stateDir, in a backup that a person names, or (doctor) in memory.
  assert.deepEqual(opening.sort(), [
    "agent/cli/doctor-fitness.ts",
    "agent/outbox/format/database.ts",
    "agent/outbox/trust/stopped-audit.ts",
    "agent/outbox/upkeep/backup-check.ts",
    "agent/outbox/upkeep/restore.ts",
    "agent/outbox/upkeep/stopped-backlog.ts",
  ]);
});

function readModeOf(path: string): number {
  return statSync(path).mode & 0o777;
}
