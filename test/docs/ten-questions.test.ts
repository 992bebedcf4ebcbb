/** What people ask at night, answered by the commands of docs/operate.md, as they stand there (01 Operate, Watch). */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { adt, framed } from "#test/support/messages.ts";
import { MllpSocket } from "#test/support/mllp-socket.ts";
import { Started, until } from "#test/support/processes.ts";
import { QuestionedPair } from "#test/support/questioned-pair.ts";

const ROOT = join(import.meta.dirname, "../..");
const STEPS_MAX_COUNT = 3;
const PROGRAMS = { holdfast: "agent/main.ts", "holdfast-receiver": "receiver/main.ts" } as const;

/** What the answer must hold, in order of the document. */
const ANSWERS: Readonly<Record<string, readonly RegExp[]>> = {
  "Why is the LIS feed queueing?": [
    /^lis .* 2 /m,
    /channelHeldByHand \(lis\)|channelHeldByHand.*lis/,
  ],
  "Did message 4711 arrive?": [/^adt .*delivered/m, /at the receiver/, /^up +adt +1\/1 /m],
  "How do I let the feed go on?": [/tunnel: streaming/],
  "Was everything complete since yesterday?": [/^demo\/hospital: told of/m, /^2.* adt .* equal$/m],
  "What did a sender send that was refused?": [/^1 +adt/m, /no ?[hH]eader|noHeader/],
  "How do I send message 4711 once more?": [/1 message/],
  "Is the way to the receiver open?": [/receiver:/, /^ {2}ok +tls/im],
  "How do I work on the network without calling anybody out?": [
    /are muted since/,
    /No maintenance/,
  ],
  "Is there a backup that can be restored?": [/^Backup made and read through/m, /^Sound: /m],
  "Who changed something here?": [/channel\.release/, /maintenance\.started/, /message\.replay/],
};

interface Question {
  readonly title: string;
  readonly commands: readonly string[];
}

function questions(): Question[] {
  const text = readFileSync(join(ROOT, "docs/operate.md"), "utf8");
  const [section = ""] = text.split("\n## Ten questions\n")[1]?.split(/^## /m) ?? [];
  return section
    .split(/^### /m)
    .slice(1)
    .map((part) => ({
      title: part.slice(0, part.indexOf("\n")),
      commands: [...part.matchAll(/```sh\n([\s\S]*?)```/g)].flatMap(([, block = ""]) =>
        block.trim().split("\n"),
      ),
    }));
}

test("[Operate] ten questions of people on call are answered by at most three commands each, as the document has them", async () => {
  const all = questions();
  assert.deepEqual(
    all.map(({ title }) => title),
    Object.keys(ANSWERS),
  );
  await using pair = await QuestionedPair.open("", {}, { moreChannels: ["lis"] });
  const { ports, agentConfig, receiverConfig } = pair.pair;
  const configs = { holdfast: agentConfig, "holdfast-receiver": receiverConfig };
  await using sender = await MllpSocket.open(ports["adt"] ?? 0);
  await sender.send(framed(adt("4711")), framed("NOT AN HL7 MESSAGE"));
  pair.hospital("channel", "hold", "lis");
  await using lis = await MllpSocket.open(ports["lis"] ?? 0);
  await lis.send(framed(adt("L1")), framed(adt("L2")));
  await until("all are answered", () => lis.received.split("MSA|AA|").length > 2);
  await until("the first one is answered", () => sender.received.includes("MSA|AA|4711"));
  await until("the receiver has it", () =>
    pair.receiver("trace", "demo/hospital", "4711").stdout.includes("adt"),
  );
  const missing: string[] = [];
  for (const { title, commands } of all) {
    assert.ok(commands.length > 0 && commands.length <= STEPS_MAX_COUNT, title);
    let said = "";
    for (const command of commands) {
      const [name = "", ...args] = command.split(" ");
      assert.ok(name === "holdfast" || name === "holdfast-receiver", command);
      const run = async (): Promise<boolean> => {
        const found = await ran([PROGRAMS[name], ...args, "--config", configs[name]], pair.folder);
        assert.ok(![64, 70, 77, 78].includes(found.code ?? 70), `${command}: ${found.text}`);
        said += `${found.text}\n`;
        return found.code !== 75;
      };
      // 75 says: try again.
      await until(command, run);
    }
    for (const answer of ANSWERS[title] ?? []) {
      if (!answer.test(said)) missing.push(`${title}\n${answer}\n${said}`);
    }
  }
  assert.deepEqual(missing, []);
});

async function ran(args: readonly string[], cwd: string) {
  const [program = "", ...rest] = args;
  const script = join(ROOT, program);
  await using started = new Started([
    ...["/bin/sh", "-c", 'cd "$0" && exec "$@" 2>&1', cwd],
    ...[process.execPath, script, ...rest],
  ]);
  let text = "";
  started.child.stdout?.setEncoding("utf8").on("data", (part: string) => {
    text += part;
  });
  const { code } = await started.ended;
  return { code, text };
}
