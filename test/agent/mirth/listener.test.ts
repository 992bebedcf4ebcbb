/** Settings of a TCP Listener of Mirth, one by one. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { variable } from "#agent/mirth/name-patterns.ts";
import {
  connector,
  LISTENER,
  mirthChannel,
  type Settings,
  sourceOf,
  translated,
} from "#test/support/mirth-exports.ts";

const listener = (settings: Settings = {}) => sourceOf(LISTENER, settings);

describe("import-mirth, TCP Listener", () => {
  test("Mirth's defaults become a listener that answers AA as Mirth does", () => {
    const { keys, notRun, missing } = listener();
    assert.deepEqual(keys, {
      name: "adt",
      kind: "mllp-listener",
      host: "0.0.0.0",
      port: 6661,
      allow: ["0.0.0.0/0"],
      maxConnections: 10,
      ackMode: "storeAA",
    });
    assert.equal(notRun, undefined);
    assert.equal(missing, "");
  });

  test("address and port", () => {
    assert.match(listener().notes, /every address.*name your senders/);
    const { keys, notes } = listener({ host: "127.0.0.1", port: "2575" });
    assert.deepEqual([keys["host"], keys["port"], keys["allow"]], ["127.0.0.1", 2575, undefined]);
    assert.doesNotMatch(notes, /every address/);
    assert.deepEqual(listener({ host: "::" }).keys["allow"], ["0.0.0.0/0", "::/0"]);
  });

  for (const [settings, key] of [
    [{ host: "mirth.hospital.example" }, "host"],
    [{ host: variable("listenAddress") }, "host"],
    [{ port: variable("adtPort") }, "port"],
    [{ port: "0" }, "port"],
    [{ port: "65536" }, "port"],
  ] as const) {
    test(`what cannot be known is a comment with CHANGE-ME: ${JSON.stringify(settings)}`, () => {
      const { keys, notRun, missing, printed } = listener(settings);
      assert.equal(keys[key], "CHANGE-ME");
      assert.equal(notRun, "held");
      assert.notEqual(missing, "");
      assert.match(printed, /^ {2}#- name: adt$/m);
      assert.doesNotMatch(printed, /^ {2}- name/m);
    });
  }

  test("connections and timeouts", () => {
    assert.equal(listener({ maxConnections: "99999" }).keys["maxConnections"], 10_000);
    // A kept connection is read again after Mirth's timeout: nothing is closed.
    assert.equal(listener({ receiveTimeout: "30000" }).keys["idleTimeoutSeconds"], undefined);
    const { keys, missing } = listener({ keepConnectionOpen: "false", receiveTimeout: "1500" });
    assert.equal(keys["idleTimeoutSeconds"], 2);
    assert.match(missing, /hangs up after each reply/);
  });

  test("what an acknowledgment means is said for each mode of replying", () => {
    for (const [variable, meaning] of [
      ["Auto-generate (Before processing)", /meant received.*stored safely/],
      ["Auto-generate (After source transformer)", /meant passed by filter.*stored safely/],
      ["Auto-generate (Destinations completed)", /meant every destination.*ackMode: deferred/],
    ] as const) {
      const { keys, notes, missing } = listener({ responseVariable: variable });
      assert.equal(keys["ackMode"], "storeAA");
      assert.match(notes, meaning);
      assert.equal(missing, "");
    }
    assert.equal(listener({ responseVariable: "None" }).keys["ackMode"], "none");
    for (const own of ["Postprocessor", "d1"]) {
      assert.match(listener({ responseVariable: own }).missing, /script or by a destination/);
    }
  });

  test("codes of acknowledgments", () => {
    assert.equal(listener({ msh15ACKAccept: "true" }).keys["ackMode"], undefined);
    assert.equal(listener({ successfulACKCode: "CA" }).keys["ackMode"], "commitOnly");
    assert.match(listener({ errorACKCode: "XX" }).missing, /codes of its own/);
    const { missing, printed } = listener({ successfulACKMessage: "hello from s3cret" });
    assert.match(missing, /MSA-3/);
    assert.doesNotMatch(printed, /s3cret/);
  });

  test("MLLP Release 2 is r2; with other bytes it is held", () => {
    assert.equal(listener({ useMLLPv2: "true" }).keys["ackMode"], "r2");
    assert.equal(listener({ useMLLPv2: "true", ackBytes: "07" }).notRun, "held");
  });

  test("blocks framed by other bytes are held, and the bytes are named", () => {
    const { notRun, missing } = listener({ startOfMessageBytes: "02", endOfMessageBytes: "030d" });
    assert.equal(notRun, "held");
    assert.match(missing, /02 and 03 0D/);
    assert.doesNotMatch(listener({ startOfMessageBytes: "pa55word" }).missing, /pa55/);
  });

  test("what is no MLLP, and what dials by itself, has no channel", () => {
    for (const settings of [{ pluginPointName: "Basic" }, { serverMode: "false" }]) {
      const { printed, missing } = listener(settings);
      assert.match(printed, /# no channel here/);
      assert.notEqual(missing, "");
    }
  });

  test("character sets are named where HL7 has a name", () => {
    assert.equal(listener({ charsetEncoding: "ISO-8859-1" }).keys["charset"], "ISO-8859-1");
    assert.equal(listener({ charsetEncoding: "UTF-8" }).keys["charset"], "UTF-8");
    const { keys, missing } = listener({ charsetEncoding: "UTF-16" });
    assert.equal(keys["charset"], undefined);
    assert.match(missing, /character set/);
  });

  test("batches, other data, replies elsewhere", () => {
    assert.equal(
      listener({ processBatch: "true", firstResponse: "true" }).keys["batchReply"],
      "first",
    );
    assert.match(listener({ processBatch: "true" }).notes, /taken apart at each MSH/);
    assert.match(listener({ dataTypeBinary: "true" }).missing, /binary/);
    assert.match(listener({ inboundDataType: "XML" }).missing, /not HL7 version 2/);
    assert.match(listener({ inboundDataType: "RAW" }).notes, /does not begin with MSH/);
    assert.match(listener({ respondOnNewConnection: "1" }).missing, /connection of their own/);
    assert.match(listener({ respondAfterProcessing: "false" }).notes, /source queue/);
  });

  test("a port behind a TLS plug-in is never printed as an open one", () => {
    const plugin = (enabled: boolean): string =>
      connector(LISTENER, "sourceConnector").replace(
        "<pluginProperties/>",
        `<pluginProperties><com.example.ssl.SSLConnectorPluginProperties><enabled>${enabled}</enabled><keyStorePassword>s3cret</keyStorePassword></com.example.ssl.SSLConnectorPluginProperties></pluginProperties>`,
      );
    const [entry] = translated(mirthChannel({ source: plugin(true) })).entries;
    assert.equal(entry?.notRun, "held");
    assert.match(entry?.remarks.map(({ text }) => text).join() ?? "", /tls: block/);
    assert.equal(translated(mirthChannel({ source: plugin(false) })).entries[0]?.notRun, undefined);
  });
});
