/** Settings of a TCP Sender and a File Writer of Mirth, one by one. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { variable } from "#agent/mirth/name-patterns.ts";
import {
  connector,
  destinationOf,
  mirthChannel,
  SENDER,
  type Settings,
  translated,
  WRITER,
} from "#test/support/mirth-exports.ts";

const sender = (settings: Settings = {}) => destinationOf(SENDER, settings);
const writer = (settings: Settings = {}) => destinationOf(WRITER, settings);

describe("import-mirth, TCP Sender", () => {
  test("Mirth's defaults, and that nothing feeds it here", () => {
    const { keys, notes, missing } = sender();
    assert.deepEqual(keys, {
      name: "adt-to",
      kind: "mllp-sender",
      host: "ris.hospital.example",
      port: 6660,
      keepOpen: false,
      connectTimeoutSeconds: 5,
      replyTimeoutSeconds: 5,
      retryMaxSeconds: 10,
    });
    assert.match(notes, /AE or AR/);
    assert.match(notes, /what the platform hands to the receiver/);
    assert.equal(missing, "");
  });

  test("address, connection, replies", () => {
    assert.match(sender({ remoteAddress: "127.0.0.1" }).notes, /the machine itself/);
    const unknown = sender({ remoteAddress: variable("risHost"), remotePort: variable("risPort") });
    assert.deepEqual([unknown.keys["host"], unknown.keys["port"]], ["CHANGE-ME", "CHANGE-ME"]);
    assert.equal(unknown.notRun, "held");
    assert.equal(sender({ keepConnectionOpen: "true" }).keys["keepOpen"], undefined);
    assert.match(sender({ overrideLocalBinding: "true" }).missing, /local address/);
    assert.equal(sender({ responseTimeout: "0" }).keys["replyTimeoutSeconds"], undefined);
    assert.equal(sender({ responseTimeout: "9999999" }).keys["connectTimeoutSeconds"], 600);
    assert.equal(sender({ ignoreResponse: "true" }).keys["expectReply"], "none");
    assert.match(sender({ validateResponse: "false" }).missing, /any reply for success/);
  });

  test("the check of MSA-2 is that of the reply, not that of the message", () => {
    const off = (part: string): unknown => {
      const [before = "", after = ""] = connector(SENDER, "to").split(`<${part} `);
      const changed = after.replace(
        "<validateMessageControlId>true",
        "<validateMessageControlId>false",
      );
      const xml = mirthChannel({ destinations: [`${before}<${part} ${changed}`] });
      return translated(xml).entries[1]?.keys?.get("matchControlId");
    };
    assert.equal(off("responseTransformer"), "off");
    assert.equal(off("transformer"), undefined);
  });

  test("queue, threads, templates, character sets", () => {
    assert.match(sender({ queueEnabled: "false" }).notes, /gives a message up/);
    assert.equal(sender({ queueEnabled: "false" }).keys["retryMaxSeconds"], undefined);
    assert.match(sender({ rotate: "true" }).missing, /order is kept/);
    assert.match(sender({ threadCount: "4" }).missing, /several threads/);
    assert.match(sender({ dataTypeBinary: "true" }).missing, /base64/);
    assert.match(sender({ charsetEncoding: "ISO-8859-1" }).missing, /never changed/);
    const made = sender({ template: "MSH|s3cret" });
    assert.match(made.missing, /from a template/);
    assert.doesNotMatch(made.printed, /s3cret/);
  });

  test("what is not standard MLLP is held or left out", () => {
    assert.equal(sender({ endOfMessageBytes: "1C" }).notRun, "held");
    assert.equal(sender({ useMLLPv2: "true" }).notRun, "held");
    assert.match(sender({ serverMode: "true" }).printed, /# no channel here/);
    assert.match(sender({ pluginPointName: "Basic" }).printed, /# no channel here/);
  });
});

describe("import-mirth, File Writer", () => {
  test("Mirth's names as templates", () => {
    const { keys, missing } = writer();
    assert.deepEqual(keys, {
      name: "adt-to",
      kind: "folder",
      folder: "/srv/hl7/out",
      nameTemplate: "{id}.hl7",
    });
    assert.equal(missing, "");
    const dated = writer({
      outputPattern: `${variable('date.get("yyyy-MM-dd")')}_${variable("COUNT")}.txt`,
    }).keys;
    assert.equal(dated["nameTemplate"], "{createdAt}_{sequence}.txt");
    assert.equal(
      writer({ outputPattern: variable("originalFilename") }).keys["useSuggestedName"],
      true,
    );
    const own = writer({ outputPattern: `${variable("patientName")} x.hl7` });
    assert.equal(own.keys["nameTemplate"], undefined);
    assert.match(own.missing, /nameTemplate cannot have/);
  });

  test("what is there already", () => {
    assert.equal(writer({ errorOnExists: "true" }).keys["onCollision"], "hold");
    assert.equal(writer({ outputAppend: "false" }).keys["onCollision"], "overwrite");
    assert.match(writer({ outputPattern: "all.hl7" }).missing, /appends messages to one file/);
  });

  test("other servers, shares, variables, templates", () => {
    assert.match(writer({ scheme: "SFTP" }).printed, /# no channel here/);
    assert.equal(writer({ scheme: "SMB", host: "files/hl7" }).notRun, "held");
    assert.equal(writer({ host: variable("out") }).notRun, "held");
    assert.match(writer({ template: variable("patientName") }).missing, /from a template/);
  });
});
