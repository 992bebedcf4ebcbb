/** Commands on their way to an agent, and its answers (06 TP36): a whole receiver, and a played agent. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type CmdResultFrame, COMMAND_RESULT, ERROR_CODE } from "#protocol/frame.ts";
import { silentLog } from "#receiver/host/log.ts";
import { openReceiver } from "#receiver/library.ts";
import type { Receiver } from "#receiver/receiver.ts";
import { helloFrame, PlayedAgent, textOf } from "./support/played-agent.ts";
import { ReceiverFolder } from "./support/receiver-folder.ts";

const idOf = (number: number): Uint8Array => new Uint8Array(16).fill(number);
const nameOf = (number: number): string => `command ${number}`;

class Scene implements AsyncDisposable {
  readonly #folder: ReceiverFolder;
  readonly agent: Awaited<ReturnType<ReceiverFolder["newAgent"]>>;
  receiver: Receiver;

  private constructor(folder: ReceiverFolder, agent: Scene["agent"], receiver: Receiver) {
    this.#folder = folder;
    this.agent = agent;
    this.receiver = receiver;
  }

  static async open(): Promise<Scene> {
    const folder = new ReceiverFolder();
    return new Scene(folder, await folder.newAgent(), await opened(folder));
  }

  async restart(): Promise<void> {
    await this.receiver[Symbol.asyncDispose]();
    this.receiver = await opened(this.#folder);
  }

  get who() {
    const [tenant = "", name = ""] = this.agent.name.split("/");
    return { tenant, name };
  }

  async take(...numbers: readonly number[]): Promise<void> {
    for (const number of numbers) {
      const command = { id: idOf(number), document: textOf(nameOf(number)) };
      await this.receiver.command({ ...this.who, ...command });
    }
  }

  async connected(capabilities: readonly string[] = ["commands"]): Promise<PlayedAgent> {
    const agent = await PlayedAgent.connect(this.receiver.address.port, this.agent.identity);
    agent.send(helloFrame({ capabilities }));
    await agent.next("welcome");
    return agent;
  }

  /** By number in hexadecimal: what became of it, `-` while it has no answer, `*` once it is settled. */
  async standing(): Promise<Readonly<Record<string, string>>> {
    const standing: Record<string, string> = {};
    for await (const { key, outcome, settledAtMs } of this.receiver.commands(this.who)) {
      const { result = "-", text } = JSON.parse(outcome ?? "{}") as Record<string, string>;
      const words = [result, text, settledAtMs === null ? undefined : "*"];
      standing[key?.slice(0, 2) ?? ""] = words.filter((word) => word !== undefined).join(" ");
    }
    return standing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.receiver[Symbol.asyncDispose]();
    this.#folder[Symbol.dispose]();
  }
}

const opened = (folder: ReceiverFolder): Promise<Receiver> =>
  openReceiver({
    ...{ config: folder.config, log: silentLog },
    ...{ onMessage: async () => {}, onGap: async () => {} },
  });

const answer = (number: number, text?: string): CmdResultFrame => ({
  ...{ type: "cmdResult", stream: 0, id: idOf(number), result: COMMAND_RESULT.done },
  ...(text === undefined ? {} : { text }),
});

/** The commands that come next, in words. */
async function come(agent: PlayedAgent, count: number): Promise<string[]> {
  const came: string[] = [];
  while (came.length < count) {
    const { id, document } = await agent.next("cmd");
    came.push(`${id[0]}: ${Buffer.from(document).toString("latin1")}`);
  }
  return came;
}

const said = (...numbers: readonly number[]): string[] =>
  numbers.map((number) => `${number}: ${nameOf(number)}`);

test("[TP36] a command goes to the agent as it is, also after a restart, and CMD_DONE comes once the answer is durable", async () => {
  await using scene = await Scene.open();
  await scene.take(1);
  await scene.restart();
  await using agent = await scene.connected();
  assert.deepEqual(await come(agent, 1), said(1));
  await scene.take(2);
  assert.deepEqual(await come(agent, 1), said(2));
  assert.deepEqual(await scene.standing(), { "01": "-", "02": "-" });
  agent.send({ ...answer(1, "well"), answer: textOf("\xff\x00") });
  assert.deepEqual((await agent.next("cmdDone")).id, idOf(1));
  for await (const { seq, outcome } of scene.receiver.commands(scene.who)) {
    const kept = { schema: "holdfast.command-outcome/1", result: "done", text: "well" };
    if (seq === 1n) assert.deepEqual(JSON.parse(outcome ?? ""), { ...kept, answer: "/wA=" });
  }
  assert.deepEqual(await scene.standing(), { "01": "done well *", "02": "-" });
});

test("[TP36] without an answer it goes again with each connection, with one it does not, and the first answer stays", async () => {
  await using scene = await Scene.open();
  await scene.take(1, 2, 3);
  {
    await using agent = await scene.connected();
    assert.deepEqual(await come(agent, 3), said(1, 2, 3));
    agent.send(answer(3, "first"), answer(1));
    await agent.next("cmdDone");
    await agent.next("cmdDone");
    assert.deepEqual(await scene.standing(), { "01": "done *", "02": "-", "03": "done first *" });
  }
  await using agent = await scene.connected();
  assert.deepEqual(await come(agent, 1), said(2));
  // The answers come again: CMD_DONE was lost.
  agent.send(answer(3, "second"), answer(2), answer(9));
  for (const number of [3, 2, 9]) assert.deepEqual((await agent.next("cmdDone")).id, idOf(number));
  assert.deepEqual(await scene.standing(), {
    "01": "done *",
    "02": "done *",
    "03": "done first *",
  });
});

test("[TP36] [I-8] sixteen are with the agent at once, the others follow the answers, whichever come", async () => {
  await using scene = await Scene.open();
  const numbers = Array.from({ length: 20 }, (_, index) => index + 1);
  await scene.take(...numbers);
  await using agent = await scene.connected();
  assert.deepEqual(await come(agent, 16), said(...numbers.slice(0, 16)));
  agent.send({ type: "ping", stream: 0, nonce: 1 });
  assert.equal((await agent.nextOfAll()).type, "pong");
  agent.send(answer(16), answer(7), answer(3), answer(4));
  assert.deepEqual(await come(agent, 4), said(...numbers.slice(16)));
});

test("[TP36] [TP12] an agent that does not take commands gets none, and an answer of it is an error", async () => {
  await using scene = await Scene.open();
  await scene.take(1);
  await using agent = await scene.connected(["downstream"]);
  agent.send({ type: "ping", stream: 0, nonce: 1 });
  assert.equal((await agent.nextOfAll()).type, "pong", "no CMD, and no OPEN of a channel");
  agent.send(answer(1));
  assert.equal((await agent.next("error")).code, ERROR_CODE.outOfOrder);
  assert.deepEqual(await scene.standing(), { "01": "-" });
  await using other = await scene.connected();
  assert.deepEqual(await come(other, 1), said(1));
  other.send({ type: "credit", stream: 0, credit: { connectionLimit: 1 } });
  assert.equal((await other.next("error")).code, ERROR_CODE.outOfOrder);
});

test("[TP36] [TP12] [I-8] an answer that belongs on a channel of its own is an error", async () => {
  await using scene = await Scene.open();
  await scene.take(1);
  await using agent = await scene.connected();
  agent.send({ ...answer(1), answer: new Uint8Array(16_385) });
  assert.equal((await agent.next("error")).code, ERROR_CODE.limit);
  assert.deepEqual(await scene.standing(), { "01": "-" });
});

test("[TP36] the same command again is the same; another one under its id, an empty and a large one are refused", async () => {
  await using scene = await Scene.open();
  const { receiver, who } = scene;
  const command = { ...who, id: idOf(1), document: textOf("a") };
  assert.partialDeepStrictEqual(await receiver.command(command), { seq: 1n, known: false });
  assert.partialDeepStrictEqual(await receiver.command(command), { seq: 1n, known: true });
  const other = { ...command, document: textOf("b") };
  await assert.rejects(receiver.command(other), { code: "SEND_KEY_CONFLICT" });
  for (const bytes of [0, 16_385]) {
    const odd = { ...command, id: idOf(2), document: new Uint8Array(bytes) };
    await assert.rejects(receiver.command(odd), { code: "COMMAND_REFUSED" });
  }
  const short = { ...command, id: new Uint8Array(15) };
  await assert.rejects(receiver.command(short), { code: "COMMAND_REFUSED" });
  await assert.rejects(receiver.command({ ...command, name: "nobody" }), { code: "AGENT_UNKNOWN" });
});
