/** `holdfast-receiver alarms` and `holdfast-receiver console link`, as processes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { showAlarms } from "#receiver/cli/alarms.ts";
import { makeLink } from "#receiver/cli/console.ts";
import { loadConfiguration } from "#receiver/configuration.ts";
import type { AlarmLine } from "#receiver/console-questions.ts";
import { takeAlarms } from "#receiver/downstream/alarm-records.ts";
import { openStoreIn } from "#receiver/state-folder.ts";
import { freePort } from "#scripts/free-port.ts";
import { alarmRecord } from "./support/alarm-suite.ts";
import { FORM } from "./support/console-stage.ts";
import { ReceiverFolder } from "./support/receiver-folder.ts";

/** In this process: what the command prints, and its exit code. */
async function alarms(
  { config }: ReceiverFolder,
  name?: string,
  json = false,
): Promise<readonly [code: number, out: string]> {
  const lines: string[] = [];
  const print = async (text: string) => lines.push(text) > 0;
  const code = await showAlarms({ print }, name, { config, json });
  return [code, lines.join("\n")];
}

const linkOf = ({ config }: ReceiverFolder, role: string, name = "Ana"): Promise<void> =>
  makeLink({ print: () => Promise.resolve(true) }, { config, role, name });

test("[PL9, 01 Receive] alarms prints what is open, at which agent, whose it is and what to do", async () => {
  using folder = new ReceiverFolder();
  const config = ["--config", folder.config];
  assert.deepEqual(await alarms(folder), [0, "No alarm is open, as far as agents have said"]);
  {
    await using store = await openStoreIn(folder.stateDir, { kind: "sqlite" });
    for (const [name, codes] of [
      ["ward-1", ["queueAge", "ofTheFuture"]],
      ["ward-2", ["diskLow"]],
    ] as const) {
      const added = await store.registry.registerAgent({ tenant: "north", name, atMs: 4 });
      assert.ok("agent" in added);
      await takeAlarms(store, { agent: added.agent.id, bytes: alarmRecord(codes), atMs: 7 });
    }
  }
  const table = await folder.run("alarms", ...config);
  assert.deepEqual([table.code, table.err], [69, ""]);
  const lines = table.out.split("\n");
  assert.match(lines[0] ?? "", /^agent +severity +code +channel +since +whose$/);
  assert.match(
    lines[1] ?? "",
    /^north\/ward-1 +warning +queueAge +adt +2026-01-31T08:00:00.000Z +hospital IT$/,
  );
  assert.match(lines[2] ?? "", /^ {4}Messages of a channel wait.*docs\/runbooks\/queue-age\.md$/);
  const [code, one] = await alarms(folder, "north/ward-2", true);
  assert.equal(code, 69);
  const { agent, channel, ...line } = JSON.parse(one) as AlarmLine;
  assert.deepEqual([agent, line.code, channel], ["north/ward-2", "diskLow", "adt"]);
  await assert.rejects(alarms(folder, "north/nobody"), /AGENT_UNKNOWN/);
});

test("[01 Receive] console link prints a link that lets its person in; only where nobody else reaches the console", async () => {
  const port = await freePort();
  using folder = new ReceiverFolder({ more: `console: { port: ${port} }` });
  const config = ["--config", folder.config];
  await using served = await folder.serve();
  assert.deepEqual(JSON.parse(served.line).console, { host: "127.0.0.1", port });
  const said = await folder.run("console", "link", "--role", "support", "--name", "Sam", ...config);
  assert.deepEqual([said.code, said.err], [0, ""]);
  const link = said.out.trim();
  assert.match(link, new RegExp(`^http://127\\.0\\.0\\.1:${port}/enter/[\\w-]{43}$`));
  const origin = `http://127.0.0.1:${port}`;
  const answer = await fetch(`${origin}/enter`, {
    ...{ method: "POST", redirect: "manual", body: `link=${link.split("/").at(-1)}` },
    headers: { Origin: origin, "Content-Type": FORM },
  });
  const Cookie = answer.headers.get("set-cookie")?.split(";")[0] ?? "";
  const page = await (await fetch(origin, { headers: { Cookie } })).text();
  assert.match(page, /<b>Sam<\/b> <span class="small">support/);
  for (const [role, name] of [
    ["owner", "Sam"],
    ["viewer", "<b>"],
  ] as const) {
    await assert.rejects(linkOf(folder, role, name), /CONSOLE_ROLE/);
  }
});

test("[01 Receive] a console that others reach needs TLS, and lets nobody in by a link", async () => {
  for (const [more, said] of [
    ["console: { host: 0.0.0.0 }", /tls[\s\S]*is needed where others than this machine/],
    ['console: { people: [{ certificate: "00", name: Ana, role: viewer }] }', /no SHA-256/],
    ["console: { people: [], role: x }", /role/],
  ] as const) {
    using folder = new ReceiverFolder({ more });
    assert.throws(() => loadConfiguration(folder.config), said);
  }
  const tls = "tls: { certificate: server.pem, key: server.key, clientCa: agents.pem }";
  using shared = new ReceiverFolder({ more: `console: { host: 0.0.0.0, ${tls} }` });
  using off = new ReceiverFolder();
  await assert.rejects(linkOf(shared, "viewer"), /CONSOLE_LINK_PLACE/);
  await assert.rejects(linkOf(off, "viewer"), /CONSOLE_OFF/);
});
