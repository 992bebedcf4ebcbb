/** From a token to a tunnel, and on to the next certificate: both programs, as they are installed. @module */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { askLocal } from "#agent/host/local-socket.ts";
import type { AgentStatus } from "#agent/status.ts";
import { enrolPair } from "#scripts/enrol-pair.ts";
import { makePair } from "#scripts/make-pair.ts";
import { Started, startAgent, startReceiver, until } from "#test/support/processes.ts";
import { programFile } from "#test/support/programs.ts";

const AGENT_MAIN = programFile("agent/main.ts");

async function said(config: string, ...args: readonly string[]): Promise<string> {
  const command = [process.execPath, AGENT_MAIN, ...args, "--json", "--config", config];
  await using program = new Started(command);
  return await program.ready();
}

/** With owners and modes, as a backup has them. */
function copied(from: string, to: string): void {
  assert.equal(spawnSync("cp", ["-a", from, to]).status, 0);
}

test("[EN6, EN7, EN9, N1, N2, N3, N4, N5, N6, N7] token, code, tunnel, renewal, and the old certificate is worth nothing", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-enrolled-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const pair = await makePair({ folder, enrolling: true });
  const { agentConfig: config } = pair;
  const stateDir = join(folder, "agent/state");
  // Before: it says what to do.
  const early = spawnSync(process.execPath, [AGENT_MAIN, "run", "--config", config], {
    encoding: "utf8",
  });
  assert.equal(early.status, 78);
  assert.match(early.stderr, /IDENTITY_MISSING/);
  assert.match(early.stderr, /holdfast enroll --token-file FILE/);

  await using receiver = startReceiver(pair.receiverConfig);
  await receiver.ready();
  const codes: string[] = [];
  const [token, usedToken] = [join(folder, "agent/token"), join(folder, "used-token")];
  const onCode = (code: string): void => {
    codes.push(code);
    copied(token, usedToken);
  };
  const enrolled = (await enrolPair(pair, onCode)) as {
    readonly serial: string;
    readonly isWelcomed: boolean;
  };
  assert.equal(codes.length, 1);
  assert.equal(enrolled.isWelcomed, true);
  assert.equal(existsSync(token), false, "the token is erased");
  assert.equal(existsSync(join(stateDir, "identity/claim.json")), false);
  // With other keys: the receiver's own word for it reaches the console, and what is in use stays.
  const anchor = join(folder, "agent/anchor.json");
  const args = ["enroll", "--token-file", usedToken, "--anchor", anchor, "--config", config];
  const again = spawnSync(process.execPath, [AGENT_MAIN, ...args], { encoding: "utf8" });
  assert.equal(again.status, 77, again.stderr);
  assert.match(again.stderr, /code=TOKEN_USED\) \[ENROLL_REFUSED\]/);
  assert.match(again.stderr, /if it was not you, call the vendor at once/);

  await using agent = startAgent(config);
  await agent.ready();
  const status = async (): Promise<AgentStatus> => {
    const { answer } = (await askLocal(stateDir, { ask: "status" })) as { answer: AgentStatus };
    return answer;
  };
  const streams = async (isIt: (serial: string) => boolean): Promise<AgentStatus> => {
    let now: AgentStatus | undefined;
    await until("it streams", async () => {
      now = await status();
      return now.tunnel.state === "streaming" && isIt(now.identity.serial);
    });
    assert.ok(now !== undefined);
    return now;
  };
  const first = await streams((serial) => serial === enrolled.serial);
  assert.deepEqual([first.identity.source, first.identity.generation], ["enrolled", 1]);
  const copy = join(folder, "copy");
  copied(join(stateDir, "identity"), copy);

  await said(config, "identity", "renew");
  const second = await streams((serial) => serial !== enrolled.serial);
  assert.deepEqual([second.identity.generation, second.identity.hasNext], [2, false]);
  const shown = JSON.parse(await said(config, "identity", "show"));
  assert.equal(shown.current.serial, second.identity.serial);
  assert.equal(shown.previous.serial, enrolled.serial);
  assert.equal(shown.running.serial, second.identity.serial);

  // N7: the copy of before comes back.
  assert.equal((await agent.end("SIGTERM")).code, 0);
  rmSync(join(stateDir, "identity"), { recursive: true });
  copied(copy, join(stateDir, "identity"));
  await using old = startAgent(config);
  await old.ready();
  let refused: AgentStatus | undefined;
  await until("it is refused", async () => {
    refused = await status();
    return refused.tunnel.state === "sticky";
  });
  assert.equal(refused?.tunnel.lastError, "TUNNEL_REFUSED");
  assert.equal(refused?.tunnel.reason, "CERT_SUPERSEDED");
  assert.ok(refused?.conditions.some(({ condition }) => condition === "identityRefused"));
  assert.equal((await old.end("SIGTERM")).code, 0);
  for (const program of [agent, old])
    assert.doesNotMatch(program.errors, /PRIVATE KEY|holdfast1\./);
});
