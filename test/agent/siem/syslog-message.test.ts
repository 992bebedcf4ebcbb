import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { frameOf, type SyslogMessage, syslogLine } from "#agent/siem/syslog-message.ts";
import { parametersIn } from "#test/support/siem.ts";

const SENDER = { hostName: "gw.clinic.example", processId: 4711 };
const messageOf = (more: Partial<SyslogMessage>): SyslogMessage => ({
  ...{ severity: "notice", atMs: Date.UTC(2026, 0, 31, 8), kind: "head", data: [], text: "text" },
  ...more,
});

describe("a message for a SIEM", () => {
  test("[A05] has the header of RFC 5424, and is counted in bytes (RFC 5425)", () => {
    const message = messageOf({ data: [["auditSeq", "7"]] });
    const line =
      '<109>1 2026-01-31T08:00:00.000Z gw.clinic.example holdfast 4711 head [holdfast@32473 auditSeq="7"] text';
    assert.equal(syslogLine(message, SENDER), line);
    assert.equal(frameOf(message, SENDER).toString(), `${line.length} ${line}`);
    assert.match(syslogLine(messageOf({ severity: "warning" }), SENDER), /^<108>/);
    assert.match(syslogLine(messageOf({ severity: "info" }), SENDER), /^<110>/);
  });

  test("[A03] escapes quotes, backslashes and brackets in values (6.3.3)", () => {
    const line = syslogLine(messageOf({ data: [["subject", 'a"b]c\\d[e']] }), SENDER);
    assert.ok(line.includes(String.raw`subject="a\"b\]c\\d[e"`));
  });

  test("[A03] is one line of printable ASCII that parses, whatever a value or text holds", () => {
    const anything = fc.string({ unit: "binary", maxLength: 120 });
    fc.assert(
      fc.property(anything, anything, anything, (value, text, hostName) => {
        const line = syslogLine(messageOf({ data: [["v", value]], text }), { ...SENDER, hostName });
        assert.match(line, /^[\x20-\x7e]+$/);
        const [, sd = ""] =
          /^<\d+>1 \S+ \S+ holdfast 4711 head (\[.*?[^\\]\]|\[[^"]*\])(?= )/.exec(line) ?? [];
        const plain = value.replaceAll(
          /[^\x20-\x7e]/g,
          (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
        );
        assert.equal(parametersIn(sd).get("v"), plain);
      }),
    );
  });
});
