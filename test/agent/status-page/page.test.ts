import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { History } from "#agent/health/history.ts";
import { STATUS_CHANNELS_MAX_COUNT } from "#agent/limits.ts";
import type { AgentStatus } from "#agent/status.ts";
import { page } from "#agent/status-page/page.ts";
import { agentStatus, alarmed, at, channelStatus, NOW_MS } from "#test/support/agent-status.ts";

/** The page as text: tags taken out, white space as one space. */
function textOf(change: Partial<AgentStatus> = {}, isOld = false): string {
  const snapshot = { status: agentStatus(change), takenAtMs: NOW_MS, isOld };
  const body = page(snapshot, new History()).toString();
  return body
    .slice(body.indexOf("<main>"))
    .replaceAll(/<[^>]*>/g, " ")
    .replaceAll(/\s+/g, " ");
}

const DOWN = {
  state: "disconnected",
  since: at(120),
  nextAttemptInSeconds: 12,
  session: undefined,
  windowBytes: 0,
  clockSkewMs: undefined,
  lastError: "TUNNEL_TCP_REFUSED",
  reason: "ECONNREFUSED",
  summary: "The host of receiver.url refuses connections",
  remedy: "Check host and port",
  facts: {},
};

describe("[PL8] the sentence on top", () => {
  test("says that everything works, and when the last message came", () => {
    assert.match(textOf(), /^ Everything works ; last message 3 s ago /);
  });

  test("says what is wrong, since when, whose it is and what to do", () => {
    const text = textOf(alarmed("storeFailing", ""));
    assert.match(
      text,
      /^ Messages are not accepted, for they cannot be stored Since \S+ \(2 min\)/,
    );
    assert.match(text, /Whose hospital IT .* Do Free space or repair the disk/);
    assert.match(text, /docs\/runbooks\/store-failing\.md/);
  });

  test("is about the gravest of several; the others stand below, with what they explain", () => {
    const [one, other] = [alarmed("openToAll", "adt"), alarmed("diskLow", "")];
    const suppressed = [{ code: "storeFailing", subject: "", since: at(60) } as const];
    const alarms = [...one.alarms, ...other.alarms.map((alarm) => ({ ...alarm, suppressed }))];
    const text = textOf({ alarms, conditions: [...one.conditions, ...other.conditions] });
    assert.match(
      text,
      /^ The disk is nearly full.* Because of it store failing Also 1 adt A channel/,
    );
  });

  test("is not about what is only to be known: that stands below, and everything works", () => {
    const text = textOf(alarmed("statusPageExposed", ""));
    assert.match(text, /^ Everything works .* Also 1 The status page can be read by others/);
  });

  test("names the nearest cause of a tunnel that is down, and what to do about that", () => {
    const text = textOf({ ...alarmed("tunnelDown", ""), tunnel: DOWN });
    assert.match(text, /^ The receiver is not reached: .* Why The host of receiver\.url refuses/);
    assert.match(text, /Do Check host and port Code/);
  });

  test("tells what is too new to be an alarm, and what is over", () => {
    const { alarms, conditions } = alarmed("tunnelDown", "");
    assert.match(textOf({ conditions }), /\(2 min\), too new to be an alarm/);
    assert.match(textOf({ alarms }), /well again, and watched for a moment/);
  });

  test("does not say that everything works while the tunnel is opened", () => {
    assert.match(
      textOf({ tunnel: { ...DOWN, state: "connecting" } }),
      /^ Messages are taken; the tunnel/,
    );
  });

  test("says of a snapshot that is old that it is", () => {
    assert.match(textOf({}, true), /^ The store does not say how it stands; what you see is old/);
    const none = page(undefined, new History()).toString();
    assert.match(none, /The store has not said yet how it stands/);
  });
});

describe("a channel on the page", () => {
  test("[A7] says in the words of the rule what AA means", () => {
    assert.match(textOf(), /AA means stored safely , not processed \(ackMode storeAA and auto \)/);
  });

  test("[A14] shows which pairs of MSH-15 and MSH-16 were seen, how often, and what senders do wrong", () => {
    const observed = {
      ...{ peers: [], lastReply: undefined, lastMessageAt: at(9) },
      pairs: [
        { accept: "AL", application: "NE", count: 1_204 },
        { accept: "-", application: "-", count: 3 },
      ],
      warnings: [
        {
          ...({ warning: "waitsDespiteNever", text: "set ackMode to storeAA", count: 3 } as const),
          ...{ lastAt: at(30), peer: "10.0.0.9:4711", controlId: "C-77" },
        },
      ],
    };
    const text = textOf({ channels: [channelStatus({ observed })] });
    assert.match(text, /\(AL, NE\) 1 204 \(empty, empty\) 3/);
    assert.match(text, /set ackMode to storeAA waitsDespiteNever 3 times, last 30 s ago from 10/);
  });

  const waiting = { waiting: 3n, waitingBytes: 900, oldestWaitingAt: at(65) };
  for (const [why, change, expected] of [
    [
      "the tunnel is down",
      { tunnel: DOWN },
      /Waits: the tunnel is down \(disconnected, ECONNREFUSED\); next attempt in 12 s/,
    ],
    ["no credit", { tunnel: { ...DOWN, state: "throttled" } }, /Waits: no credit/],
    ["a hold", alarmed("channelHeld", "adt"), /Waits: the channel is held/],
    ["damage", alarmed("messageDamaged", "adt"), /Waits: a stored message is damaged/],
    ["nothing but time", {}, /Waits: on their way/],
    ["a hold of another channel only", alarmed("channelHeld", "other"), /Waits: on their way/],
  ] as const) {
    test(`says why its messages wait: ${why}`, () => {
      const text = textOf({ ...change, channels: [channelStatus(waiting)] });
      assert.match(text, expected);
      assert.match(text, /Waiting 3 900 B, oldest 1 min ago/);
    });
  }

  for (const [why, change, channel, expected] of [
    [
      "the store",
      alarmed("storeFailing", ""),
      { listening: false },
      /the store cannot take messages/,
    ],
    ["room", alarmed("channelFull", "adt"), {}, /no room: the channel holds its share/],
    [
      "the port",
      alarmed("listenerClosed", "adt"),
      { listening: false },
      /another program has taken/,
    ],
  ] as const) {
    test(`says why it takes nothing: ${why}`, () => {
      const text = textOf({ ...change, channels: [channelStatus(channel)] });
      assert.match(text, /Takes nothing:/);
      assert.match(text, expected);
    });
  }

  test("nothing is said where all is well", () => {
    assert.doesNotMatch(textOf(), /Waits:|Takes nothing:/);
  });

  test("[I-8] a page has so many channels at most, and those with trouble among them", () => {
    const names = Array.from({ length: 700 }, (_, index) => `c${index}`);
    const channels = names.map((name) => channelStatus({ name, listening: name !== "c699" }));
    const text = textOf({ channels });
    assert.equal(text.match(/Last message/g)?.length, STATUS_CHANNELS_MAX_COUNT);
    assert.match(text, /c699 .* 500 more/);
  });
});

test("what support may ask is told where the agent can be asked, and a window while it is open", () => {
  const support = {
    ...{ isReachable: true, isEnabled: true, isOff: false, consentLevel: 1, windowMaxHours: 4 },
    ...{ releaseMode: "auto", waiting: [], sentCopyDays: 90 },
    window: { ticket: "T-17", endsAt: at(-600) },
  };
  assert.doesNotMatch(textOf(), /Support from afar/);
  assert.match(textOf({ support }), /Support from afar window open .* ticket T-17/);
  const shut = { ...support, isOff: true, window: undefined };
  assert.match(textOf({ support: shut }), /Support from afar off switched off here/);
});
