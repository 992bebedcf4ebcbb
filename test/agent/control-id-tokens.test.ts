import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ControlIdTokens } from "#agent/control-id-tokens.ts";
import { AgentError, type Facts, identifierFrom } from "#agent/errors.ts";
import { systemChance } from "#agent/host/clock.ts";
import { agentStatus, alarmed, at, channelStatus } from "#test/support/agent-status.ts";

const CONTROL_ID = identifierFrom("DOE-JANE-1965");
const OTHER = { peer: identifierFrom("10.0.0.1:99"), bytes: 7 };

describe("[PL4] logControlIds: token", () => {
  test("the log has a token in the place of each control id, and the rest as it was", () => {
    const lines: Facts[] = [];
    const tokens = new ControlIdTokens(systemChance);
    const log = tokens.log({
      write: (_event, facts) => void lines.push(facts),
      fault: (_event, { facts }) => void lines.push(facts),
    });
    log.write("blockTooLarge", { ...OTHER, controlId: CONTROL_ID });
    log.fault("messageRejected", new AgentError("AGENT_DEFECT", { controlId: CONTROL_ID }));
    log.write("blockTooLarge", OTHER);
    const controlId = tokens.token(CONTROL_ID);
    assert.deepEqual(lines, [{ ...OTHER, controlId }, { controlId }, OTHER]);
    assert.match(controlId, /^[0-9a-f]{12}$/);
  });

  test("equal control ids have equal tokens within one run, and others in the next", () => {
    const [one, next] = [new ControlIdTokens(systemChance), new ControlIdTokens(systemChance)];
    assert.equal(one.token(CONTROL_ID), one.token(CONTROL_ID));
    assert.notEqual(one.token(CONTROL_ID), next.token(CONTROL_ID));
  });

  test("nowhere in the status is one left", () => {
    const facts = { controlId: CONTROL_ID };
    const { alarms, conditions } = alarmed("messageTooLarge", "adt", facts);
    const warning = { warning: "charsetMismatch", text: "", count: 1, lastAt: at(1) } as const;
    const seen = { peers: [], pairs: [], lastReply: undefined, lastMessageAt: undefined };
    const observed = { ...seen, warnings: [{ ...warning, peer: "p", controlId: CONTROL_ID }] };
    const status = agentStatus({
      alarms,
      conditions: conditions.map((one) => ({ ...one, facts })),
      channels: [channelStatus({ observed })],
    });
    const text = (value: unknown): string =>
      JSON.stringify(value, (_key, one) => (typeof one === "bigint" ? Number(one) : one));
    assert.equal(text(status).split(CONTROL_ID).length, 4);
    const tokens = new ControlIdTokens(systemChance);
    const shown = text(tokens.status(status));
    assert.doesNotMatch(shown, new RegExp(CONTROL_ID));
    assert.equal(shown.split(tokens.token(CONTROL_ID)).length, 4);
  });
});
