import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { askLocal } from "#agent/host/local-socket.ts";
import type { AgentStatus } from "#agent/status.ts";
import { ask } from "#receiver/local-client.ts";
import { makePair } from "#scripts/make-pair.ts";
import { adt, framed } from "#test/support/messages.ts";
import { MllpSocket } from "#test/support/mllp-socket.ts";
import { startAgent, startReceiver, until } from "#test/support/processes.ts";

/** Control ids in the order of export. */
async function exported(stateDir: string): Promise<string[]> {
  const ids: string[] = [];
  const question = { ask: "export", withBody: false, channel: null, agent: null } as const;
  for await (const line of ask(stateDir, question, { kind: "sqlite" })) {
    const row = JSON.parse(line) as { readonly controlId?: string; readonly gap?: string };
    assert.equal(row.gap, undefined);
    ids.push(String(row.controlId));
  }
  return ids;
}

/** A sender that sends one message after another and repeats what was not acknowledged. */
class Sender {
  readonly acknowledged: string[] = [];
  readonly #port: number;

  constructor(port: number) {
    this.#port = port;
  }

  async send(controlId: string): Promise<void> {
    await until(`${controlId} is acknowledged`, () => this.#try(controlId), 30_000);
    this.acknowledged.push(controlId);
  }

  async #try(controlId: string): Promise<boolean> {
    try {
      await using socket = await MllpSocket.open(this.#port);
      await socket.send(framed(adt(controlId)));
      const [reply] = await socket.acknowledged(1);
      return reply === `AA ${controlId}`;
    } catch {
      // Killed, or not up yet: the sender tries again, as they all do.
      return false;
    }
  }
}

test("[T-S03, T-C02, TP19] both ends are killed again and again: what was acknowledged arrives, once, in order", async () => {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-restart-"));
  const { agentConfig, receiverConfig, mllp } = await makePair({ folder });
  const receiverState = join(dirname(receiverConfig), "state");
  const sender = new Sender(mllp.port);
  let count = 0;
  {
    await using stack = new AsyncDisposableStack();
    let agent = stack.use(startAgent(agentConfig));
    let receiver = stack.use(startReceiver(receiverConfig));
    await Promise.all([agent.ready(), receiver.ready()]);
    for (let round = 0; round < 4; round++) {
      for (let i = 0; i < 15; i++) await sender.send(`M${count++}`);
      if (round % 2 === 0) {
        // Between an acknowledgment and the next message, or in the middle of one.
        const sending = sender.send(`M${count++}`);
        await agent.end("SIGKILL");
        agent = stack.use(startAgent(agentConfig));
        await agent.ready();
        await sending;
      } else {
        await receiver.end("SIGKILL");
        for (let i = 0; i < 5; i++) await sender.send(`M${count++}`);
        receiver = stack.use(startReceiver(receiverConfig));
        await receiver.ready();
      }
    }
    const status = async (): Promise<AgentStatus> => {
      const { answer } = (await askLocal(join(dirname(agentConfig), "state"), {
        ask: "status",
      })) as { answer: AgentStatus };
      return answer;
    };
    await until(
      "everything has left",
      async () => {
        const [channel] = (await status()).channels;
        return Number(channel?.ackedSeq) === count && Number(channel?.waiting) === 0;
      },
      60_000,
    );
    assert.equal((await status()).health, "ok");
    assert.equal((await agent.end("SIGTERM")).code, 0);
    assert.deepEqual(await exported(receiverState), sender.acknowledged);
    assert.equal((await receiver.end("SIGTERM")).code, 0);
  }
  assert.deepEqual(await exported(receiverState), sender.acknowledged);
  rmSync(folder, { recursive: true });
});
