import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { z } from "zod";
import { DocumentError, parseDocument } from "#config/document.ts";
import { statusPage } from "#config/status-page.ts";

const schema = z.strictObject({ statusPage });
const parse = (yaml: string) => parseDocument(yaml, "local.yaml", schema).statusPage;

describe("[PL8] where the status page is", () => {
  test("on this machine alone, unless the file says otherwise; off where it says so", () => {
    const usual = { host: "127.0.0.1", port: 8_515, hostNames: [] };
    assert.deepEqual(parse("{}"), usual);
    assert.deepEqual(parse("statusPage: { port: 9000 }"), { ...usual, port: 9_000 });
    assert.equal(parse("statusPage: off"), undefined);
    assert.deepEqual(
      parse("statusPage: { host: 10.1.2.3, port: 80, hostNames: [gw.hospital.local] }"),
      { host: "10.1.2.3", port: 80, hostNames: ["gw.hospital.local"] },
    );
  });

  for (const [yaml, message] of [
    ["statusPage: on", /statusPage.*must be off, or say where/],
    ["statusPage: { prot: 1 }", /unknown key 'prot', did you mean 'port'/],
    ["statusPage: { host: '*' }", /must be an address or a name/],
    ["statusPage: { port: 0 }", /statusPage\.port/],
    ["statusPage: { hostNames: ['gw:8515'] }", /without a port/],
  ] as const) {
    test(`${yaml} is refused by name`, () => {
      assert.throws(
        () => parse(yaml),
        (error: unknown) => error instanceof DocumentError && message.test(error.message),
      );
    });
  }
});
