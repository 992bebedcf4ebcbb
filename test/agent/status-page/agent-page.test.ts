/** The page of a real agent: what it shows of real messages, and what it never shows. @module */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { AgentFolder } from "#test/support/agent-folder.ts";
import { framed, latin1 } from "#test/support/messages.ts";
import { MllpSocket } from "#test/support/mllp-socket.ts";
import { agentStatus as shownStatus, until } from "#test/support/processes.ts";

const WORDS = {
  name: "WINDMUELLER^ANNELIESE",
  number: "8817234401",
  controlId: "KVOGEL#1",
  junk: "HABICHT",
  fileName: "ZEISIG-ANTON-1948",
} as const;
const SHOWN_CONTROL_ID = "LAB-00017";

const message = (controlId: string, more = ""): string =>
  `MSH|^~\\&|LIS|LAB|||20250101||ORU^R01|${controlId}|P|2.5${more}\rPID|1||${WORDS.number}||${WORDS.name}\r`;

/** Patient: a page answers so many requests in a second. */
async function ask(base: string, path: string): Promise<string> {
  let text = "";
  await until(`an answer for ${path}`, async () => {
    const answer = await fetch(base + path);
    text = await answer.text();
    return answer.status === 200;
  });
  return text;
}

/** Everything that the page says, on every path. */
async function everything(base: string): Promise<string> {
  const paths = ["/", "/metrics", "/status.json", "/healthz", "/history.json"];
  return (await Promise.all(paths.map((path) => ask(base, path)))).join("\n");
}

/** Messages, one without a character set, a block that is none, junk, a file; waits until the page has seen them. */
async function feed(folder: AgentFolder): Promise<void> {
  await using socket = await MllpSocket.open(folder.port);
  const umlauts = latin1(framed(`${message(SHOWN_CONTROL_ID)}NTE|1||M\xfcller\r`));
  await socket.send(framed(message(WORDS.controlId, "|||AL|NE")), umlauts);
  await socket.send(`${WORDS.junk} `, framed(`${WORDS.name} no message`));
  await socket.replies(3);
  writeFileSync(join(folder.path, "in", `${WORDS.fileName}.hl7`), message("F-1"));
  await until("the page has seen all of it", async () => {
    const text = await ask(folder.statusPage, "/metrics");
    return /code="filesTaken"\} 1\n/.test(text) && /code="quarantined"\} \d/.test(text);
  });
}

describe("the page of a running agent", () => {
  test("[PL8, PL5, I-6] shows what came, and no word of it: no body, no name of a file, no control id that could be a name", async () => {
    const filesYaml = "    stableForSeconds: 1\n    pollSeconds: 1\n";
    using folder = await AgentFolder.make({ files: true, filesYaml });
    await using agent = await folder.start();
    await feed(folder);
    const text = await everything(folder.statusPage);
    for (const word of Object.values(WORDS)) {
      for (const form of [word, encodeURIComponent(word), Buffer.from(word).toString("base64")]) {
        assert.ok(!text.includes(form), `${form} is shown`);
      }
    }
    assert.match(text, /holdfast_messages_stored_total\{channel="adt"\} 2\n/);
    assert.match(text, /holdfast_acknowledgment_seconds_count\{channel="adt"\} 3\n/);
    assert.match(text, /charsetMismatch/);
    assert.match(text, /\(AL, NE\) <b>1<\/b>/);
    await agent.end("SIGTERM");
  });

  test("[PL4] shows a control id of safe characters on the page, and in metrics never", async () => {
    using folder = await AgentFolder.make({
      files: true,
      filesYaml: "    stableForSeconds: 1\n    pollSeconds: 1\n",
    });
    await using agent = await folder.start();
    await feed(folder);
    assert.match(await ask(folder.statusPage, "/"), new RegExp(SHOWN_CONTROL_ID));
    assert.doesNotMatch(await ask(folder.statusPage, "/metrics"), new RegExp(SHOWN_CONTROL_ID));
    await agent.end("SIGTERM");
    assert.match(agent.errors, new RegExp(SHOWN_CONTROL_ID));
  });

  test("[PL4] with logControlIds: token neither page nor log has one", async () => {
    const agentYaml = "logControlIds: token\n";
    const filesYaml = "    stableForSeconds: 1\n    pollSeconds: 1\n";
    using folder = await AgentFolder.make({ files: true, filesYaml, agentYaml });
    await using agent = await folder.start();
    await feed(folder);
    assert.doesNotMatch(await everything(folder.statusPage), new RegExp(SHOWN_CONTROL_ID));
    await agent.end("SIGTERM");
    assert.doesNotMatch(agent.errors, new RegExp(SHOWN_CONTROL_ID));
    assert.match(agent.errors, /"code":"charsetMismatch","controlId":"[0-9a-f]{12}"/);
  });

  test("[PL7] status.json is what holdfast status --json prints", async () => {
    using folder = await AgentFolder.make();
    await using _agent = await folder.start();
    const page = (await (await fetch(`${folder.statusPage}/status.json`)).json()) as object;
    const printed = await shownStatus(folder.config);
    assert.deepEqual(Object.keys(page).sort(), Object.keys(printed).sort());
  });

  test("[PL8] with statusPage: off there is none", async () => {
    using folder = await AgentFolder.make();
    folder.changeConfig(/^statusPage: .*$/m, "statusPage: off");
    await using agent = await folder.start();
    await assert.rejects(fetch(folder.statusPage));
    await agent.end("SIGTERM");
    assert.doesNotMatch(agent.errors, /statusPage/);
  });

  test("[PL8] two agents with one port for their pages: the second one runs, and says so", async () => {
    using first = await AgentFolder.make();
    using second = await AgentFolder.make();
    const port = new URL(first.statusPage).port;
    second.changeConfig(/^statusPage: .*$/m, `statusPage: { port: ${port} }`);
    await using _one = await first.start();
    await using _other = await second.start();
    const { conditions } = await shownStatus(second.config);
    assert.ok(conditions.some(({ condition }) => condition === "statusPageClosed"));
  });
});
