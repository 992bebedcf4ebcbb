/** What `status` says about the connection to the receiver. @module */
import assert from "node:assert/strict";
import { test } from "node:test";
import { TroubledPair } from "#test/faults/troubled-pair.ts";
import { Started, until } from "#test/support/processes.ts";
import { programFile } from "#test/support/programs.ts";

const MAIN = programFile("agent/main.ts");

const said = (config: string, ...flags: readonly string[]): Promise<string> =>
  saidBy("status", config, ...flags);

async function saidBy(
  command: string,
  config: string,
  ...flags: readonly string[]
): Promise<string> {
  await using asked = new Started([process.execPath, MAIN, command, "--config", config, ...flags]);
  let text = "";
  asked.child.stdout?.setEncoding("utf8").on("data", (part: string) => {
    text += part;
  });
  await asked.ended;
  return text;
}

const TIME = "\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z";

test("[06 10] status says the state, since when, the next attempt, the last error and what to do; reconnect waits no longer", async () => {
  using pair = await TroubledPair.make();
  await using agent = await pair.agent();
  let text = "";
  await until("it waits", async () => {
    text = await said(pair.pair.agentConfig);
    return text.includes("\ntunnel: disconnected");
  });
  const first = new RegExp(
    `^tunnel: disconnected since ${TIME}, next attempt in \\d+ s, last error TUNNEL_TCP_REFUSED \\(ECONNREFUSED\\)$`,
    "m",
  );
  assert.match(text, first);
  assert.match(text, /^ {2}The host of receiver\.url refuses connections/m);
  assert.match(text, /^ {2}Check host and port;/m);
  assert.match(text, /^ {2}sysCode: ECONNREFUSED$/m);

  await using _receiver = await pair.receiver();
  assert.match(
    await saidBy("reconnect", pair.pair.agentConfig),
    /^The tunnel (was disconnected and dials now; status shows what comes of it|is \w+: nothing to do)\n$/,
  );
  await pair.streaming(60_000);
  assert.deepEqual(JSON.parse(await saidBy("reconnect", pair.pair.agentConfig, "--json")), {
    was: "streaming",
    dials: false,
  });
  const well = await said(pair.pair.agentConfig);
  assert.match(well, new RegExp(`^tunnel: streaming since ${TIME}$`, "m"));
  const { tunnel } = JSON.parse(await said(pair.pair.agentConfig, "--json")) as {
    readonly tunnel: Readonly<Record<string, unknown>>;
  };
  assert.deepEqual([tunnel["state"], tunnel["nextAttemptInSeconds"]], ["streaming", undefined]);
  assert.equal(
    tunnel["summary"],
    "The host of receiver.url refuses connections on its port, or a firewall does",
  );
  await agent.end("SIGTERM");
});
