import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { GOAWAY_CODE } from "#protocol/frame.ts";
import { knock, UPGRADE } from "#test/receiver/support/knock.ts";
import { helloFrame, PlayedAgent } from "#test/receiver/support/played-agent.ts";
import { ReceiverFolder } from "#test/receiver/support/receiver-folder.ts";
import { ManualClock } from "#test/support/clocks.ts";
import { FakeReceiver } from "#test/support/fake-receiver.ts";
import { ListedSource } from "#test/support/listed-source.ts";
import { TestTunnel } from "#test/support/test-tunnel.ts";
import { matrixIn } from "./vectors.ts";

/** `versions.json`: what one side says, and what the other makes of it. */
interface Matrix {
  readonly hellos: readonly {
    readonly name: string;
    readonly minorRange: readonly [number, number];
    readonly capabilities: readonly string[];
    /** Null: GOAWAY VERSION. */
    readonly welcome: { readonly minor: number; readonly capabilities: readonly string[] } | null;
  }[];
  readonly welcomes: readonly {
    readonly name: string;
    /** Null: GOAWAY VERSION in its place. */
    readonly minor: number | null;
    readonly capabilities: readonly string[];
    readonly state: string;
    readonly error: string | null;
  }[];
  readonly upgrades: readonly {
    readonly name: string;
    readonly offered: readonly string[];
    /** Null: 400. */
    readonly agreed: string | null;
  }[];
}

const { hellos, welcomes, upgrades } = matrixIn<Matrix>("versions.json");

const folder = new ReceiverFolder();
const receiver = await folder.open();
const { port } = receiver.address;
after(async () => {
  await receiver[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

describe("another agent with this receiver", () => {
  for (const { name, minorRange, capabilities, welcome } of hellos) {
    test(`[T-P03] [TP11] [TP12] [TP39] ${name}`, async () => {
      const { identity, stored } = await folder.newAgent();
      await using agent = await PlayedAgent.connect(port, identity);
      agent.send(helloFrame({ minorRange: [...minorRange], capabilities: [...capabilities] }));
      if (welcome === null) {
        assert.equal((await agent.next("goaway")).code, GOAWAY_CODE.version);
        assert.equal(await agent.closed, 1000);
        assert.equal(folder.logged.at(-1)?.event, "agentVersion");
        return;
      }
      const answer = await agent.next("welcome");
      const { minor, capabilities: inForce } = answer;
      assert.deepEqual({ minor, capabilities: inForce }, welcome);
      await agent.open();
      agent.sendMessages(1n, "works");
      await agent.acked(1n);
      assert.deepEqual(await stored(), ["works"]);
    });
  }

  for (const { name, offered, agreed } of upgrades) {
    test(`[T-P03] [TP2] [TP39] ${name}`, async () => {
      const { identity } = await folder.newAgent();
      const { "Sec-WebSocket-Protocol": _, ...rest } = UPGRADE;
      const protocols = { "Sec-WebSocket-Protocol": offered.join(", ") };
      const headers = offered.length === 0 ? rest : { ...rest, ...protocols };
      const answer = await knock(port, identity, { headers });
      assert.deepEqual(
        [answer.status, answer.subprotocol ?? null],
        [agreed === null ? 400 : 101, agreed],
      );
    });
  }
});

describe("another receiver with this agent", () => {
  for (const { name, minor, capabilities, state, error } of welcomes) {
    test(`[T-P03] [TP11] [TP12] [TP39] ${name}`, async () => {
      await using other = await FakeReceiver.open();
      const clock = new ManualClock();
      const source = new ListedSource("adt", "kept");
      await using tunnel = new TestTunnel(other.url, { clock }, [source]);
      clock.advance(0);
      const connection = await other.connection();
      if (minor === null) {
        await connection.next("hello");
        connection.send({ type: "goaway", stream: 0, code: GOAWAY_CODE.version });
      } else await connection.welcome({ minor, capabilities });
      if (state === "streaming") await connection.opened();
      await tunnel.reaches(state);
      assert.equal(tunnel.lastError?.code ?? null, error);
      if (tunnel.lastError === undefined) return;
      // A person is told what to do, and nothing was given up.
      assert.match(tunnel.lastError.remedy, /both versions|Upgrade the older side/);
      assert.deepEqual(
        connection.history.filter(({ type }) => type === "data"),
        [],
      );
    });
  }
});
