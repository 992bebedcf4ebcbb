/** The socket for members of `holdfast-approvers` (07 2.8), with another account and another group than the agent's. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { entryBytes, readEntry } from "#agent/audit/entry.ts";
import { AgentError } from "#agent/errors.ts";
import { askAt, askLocal, LocalSocket, localSocketPath } from "#agent/host/local-socket.ts";
import { APPROVERS_MAY_ASK, openLocalDoors, through } from "#agent/local-doors.ts";
import type { LocalDesk } from "#agent/local-questions.ts";
import { localActor } from "#agent/recorded-questions.ts";

const HOST = join(import.meta.dirname, "../../agent/host/local-socket.ts");
/** Numbers that this machine has no names for; nothing asks for any. */
const [APPROVER, STRANGER, APPROVERS, OTHERS] = [61_201, 61_202, 61_301, 61_302];

class Door implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), "holdfast-door-"));
  readonly stateDir = join(this.path, "state");
  readonly socket = join(this.path, "run/control.sock");

  constructor() {
    chmodSync(this.path, 0o755);
    mkdirSync(this.stateDir, { mode: 0o700 });
    mkdirSync(dirname(this.socket));
    this.folder({ gid: process.getgid?.() ?? 0, mode: 0o2750 });
  }

  folder({ gid, mode }: { readonly gid: number; readonly mode: number }): void {
    chownSync(dirname(this.socket), process.getuid?.() ?? 0, gid);
    chmodSync(dirname(this.socket), mode);
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** A process of another account asks. @returns its answer, or the code of what kept it out */
async function askedAs(ids: { uid: number; gid: number }, path: string): Promise<string> {
  const source = `
    import(${JSON.stringify(HOST)}).then(({ askAt }) =>
      askAt(process.argv[1], { ask: "configStatus", by: "erika" }).then(
        (found) => console.log(JSON.stringify(found)), ({ code }) => console.log(code)));`;
  const child = spawn(process.execPath, ["-e", source, path], {
    ...ids,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const parts: Buffer[] = [];
  child.stdout.on("data", (part: Buffer) => parts.push(part));
  await once(child, "close");
  return Buffer.concat(parts).toString("utf8").trim();
}

const isRoot = (t: TestContext): boolean => {
  if (process.getuid?.() === 0) return true;
  t.skip("needs root, to be two accounts");
  return false;
};

const refusal = async (door: Door): Promise<unknown> =>
  LocalSocket.openToApprovers(door.socket, async () => 1).then(
    (socket) => socket[Symbol.asyncDispose](),
    (error: unknown) => (error instanceof AgentError ? error.facts["flaw"] : error),
  );

describe("the socket for approvers", () => {
  test("[07 2.8] the kernel lets in the folder's group and the own account, and nobody else", async (t) => {
    if (!isRoot(t)) return;
    using door = new Door();
    door.folder({ gid: APPROVERS, mode: 0o2750 });
    await using _own = await LocalSocket.open(door.stateDir, async () => "own");
    await using _theirs = await LocalSocket.openToApprovers(door.socket, async () => "theirs");
    const { mode, gid } = statSync(door.socket);
    assert.deepEqual([mode & 0o777, gid], [0o660, APPROVERS]);
    const approver = { uid: APPROVER, gid: APPROVERS };
    assert.equal(await askedAs(approver, door.socket), '{"answer":"theirs"}');
    assert.equal(await askedAs(approver, localSocketPath(door.stateDir)), "AGENT_NOT_REACHABLE");
    assert.equal(await askedAs({ uid: STRANGER, gid: OTHERS }, door.socket), "AGENT_NOT_REACHABLE");
    assert.deepEqual(await askAt(door.socket, {}), { answer: "theirs" });
    assert.deepEqual(await askLocal(door.stateDir, {}), { answer: "own" });
  });

  test("[07 2.8] without the set-group bit the agent hands it to the group, if it may", async (t) => {
    if (!isRoot(t)) return;
    using door = new Door();
    door.folder({ gid: APPROVERS, mode: 0o750 });
    await using _ = await LocalSocket.openToApprovers(door.socket, async () => "theirs");
    assert.equal(statSync(door.socket).gid, APPROVERS);
    const approver = { uid: APPROVER, gid: APPROVERS };
    assert.equal(await askedAs(approver, door.socket), '{"answer":"theirs"}');
  });

  test("[07 2.8] a folder that others can write or enter, or a link, has no socket in it", async () => {
    using door = new Door();
    const gid = process.getgid?.() ?? 0;
    for (const mode of [0o2770, 0o2755, 0o2751, 0o2757]) {
      door.folder({ gid, mode });
      assert.equal(await refusal(door), "mode", mode.toString(8));
    }
    door.folder({ gid, mode: 0o2750 });
    assert.equal(await refusal(door), undefined);
    assert.equal(existsSync(door.socket), false, "and it is gone afterwards");
    rmSync(dirname(door.socket), { recursive: true });
    assert.equal(await refusal(door), "absent");
    symlinkSync(door.stateDir, dirname(door.socket));
    assert.equal(await refusal(door), "kind");
  });

  test("[07 2.8] the folder of another account is not used", async (t) => {
    if (!isRoot(t)) return;
    using door = new Door();
    chownSync(dirname(door.socket), STRANGER, APPROVERS);
    assert.equal(await refusal(door), "owner");
  });

  test("[07 2.8] what a killed agent left is replaced; one that another agent listens on is not", async () => {
    using door = new Door();
    writeFileSync(door.socket, "");
    await using _first = await LocalSocket.openToApprovers(door.socket, async () => "first");
    assert.equal(await refusal(door), "taken");
    assert.deepEqual(await askAt(door.socket, {}), { answer: "first" });
  });

  test("[07 2.8] [08 4.3] approvers decide about configurations, support and updates, and ask nothing else; the audit says that they came by their door", async () => {
    const heard: unknown[] = [];
    const answer = async (request: unknown): Promise<unknown> => void heard.push(request);
    const theirs = through("approvers", answer);
    for (const ask of APPROVERS_MAY_ASK) await theirs({ ask, by: "erika" });
    assert.equal(heard.length, 13);
    const others = [
      "status",
      "trace",
      "quarantineShow",
      "quarantineRelease",
      "configRepair",
      "rekey",
      "updateEnded",
    ];
    for (const ask of [
      ...others,
      "configBody",
      "identityAdopt",
      "channelSkip",
      undefined,
      ["configDecide"],
      "__proto__",
    ]) {
      await assert.rejects(theirs({ ask, by: "erika" }), { code: "NOT_FOR_APPROVERS", exit: 77 });
    }
    await assert.rejects(theirs(null), { code: "NOT_FOR_APPROVERS" });
    assert.equal(heard.length, 13);
    const actor = { kind: "local", id: "erika", claimed: true };
    assert.deepEqual(localActor(heard[0] as object), { ...actor, door: "approvers" });
    const place = { seq: 1, atMs: 0, monotonicMs: 0, prev: new Uint8Array(32) };
    const drafted = { actor: localActor(heard[0] as object), action: "config.approved" };
    assert.equal(readEntry(entryBytes(drafted, place))?.actor.door, "approvers");
    // What a command says of its door itself is not heard.
    await through(undefined, answer)({ ask: "configDecide", by: "erika", door: "approvers" });
    assert.deepEqual(localActor(heard.at(-1) as object), actor);
  });

  test("[07 2.8] where that socket cannot be opened the agent's own is open all the same, and the log says why", async () => {
    using door = new Door();
    door.folder({ gid: process.getgid?.() ?? 0, mode: 0o2777 });
    const logged: string[] = [];
    const log = {
      write: (event: string) => void logged.push(event),
      fault: (event: string, { facts }: AgentError) =>
        void logged.push(`${event} ${facts["flaw"]}`),
    };
    const done = async (): Promise<void> => {};
    const audit = { record: done, note: async () => true, noteBefore: done };
    const desk = { reconnect: () => ({ was: "sticky", dials: true }) } as unknown as LocalDesk;
    const { stateDir, socket: approverSocket } = door;
    await using _ = await openLocalDoors(desk, { stateDir, approverSocket, audit, log });
    assert.deepEqual(logged, ["approverSocketClosed mode"]);
    const answer = { was: "sticky", dials: true };
    assert.deepEqual(await askLocal(stateDir, { ask: "reconnect" }), { answer });
  });
});
