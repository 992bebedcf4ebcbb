/**
 * An agent in a process of its own that changes its channels without end: each change brings a channel that there was
 * not, and takes the one before it away. To be killed.
 *
 *   node changing-agent.ts CONFIG
 *
 * @module
 */
import { Agent } from "#agent/agent.ts";
import { silentLog } from "#agent/host/silent-log.ts";
import { loadLocalConfig } from "#config/local.ts";
import { listenerOn } from "#test/support/running-stage.ts";

const config = loadLocalConfig(process.argv[2] ?? "");
const agent = await Agent.open({ config, version: "0", log: silentLog });
process.stdout.write(`${JSON.stringify({ accepting: agent.channels, pid: process.pid })}\n`);
const { running } = agent;
const { set } = running;
for (let step = 0; ; step++) {
  const more = listenerOn(`c-${process.pid}-${step}`, 0);
  const result = await running.apply({ ...set, channels: [...set.channels, more] });
  if (result.kind !== "applied") throw result.why;
}
