/** Exports as a whole: where channels are in them, what they are called, which run, and what has no equivalent. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ChannelNames } from "#agent/mirth/channel-names.ts";
import { translateMirth } from "#agent/mirth/translate.ts";
import { yamlLines } from "#agent/mirth/yaml-lines.ts";
import {
  connector,
  LISTENER,
  loaded,
  mirthChannel,
  READER,
  SENDER,
  translated,
  WRITER,
} from "#test/support/mirth-exports.ts";

const HTTP = {
  transport: "HTTP Listener",
  className: "com.mirth.connect.connectors.http.HttpReceiverProperties",
  properties: "<host>0.0.0.0</host><password>s3cret</password>",
};
const listener = (port: number): string =>
  connector(LISTENER, "sourceConnector", { port: String(port) });
const textsOf = (xml: string): string => yamlLines(translated(xml)).join("\n");

describe("import-mirth, where channels are", () => {
  const two = mirthChannel({ name: "A" }) + mirthChannel({ name: "B", source: listener(6662) });
  const group = `<channelGroup version="4.5.2"><id>1</id><name>G</name><channels>${two}</channels></channelGroup>`;
  const reference = `<channelGroups><channelGroup><channels><channel version="4.5.2"><id>7b2a</id></channel></channels></channelGroup></channelGroups>`;
  for (const [what, xml] of [
    ["a list", `<list>${two}</list>`],
    ["channels", `<channels>${two}</channels>`],
    ["a group", group],
    ["a list of groups", `<list>${group}</list>`],
    [
      "a server",
      `<serverConfiguration version="4.5.2">${reference}<channels>${two}</channels></serverConfiguration>`,
    ],
  ] as const) {
    test(`in ${what}`, () => {
      const translation = translated(xml);
      assert.equal(translation.channelCount, 2);
      assert.equal(translation.version, "4.5.2");
      assert.deepEqual(
        loaded(translation).map(({ name }) => name),
        ["a", "b"],
      );
    });
  }

  for (const [what, xml, message] of [
    ["another document", "<html><body/></html>", /^1:1 this is no export of channels/],
    ["a group without channels", "<channelGroup/>", /^1:1 no channel with a connector/],
    [
      "Mirth 2",
      "<list>\n<channel><name>A</name><sourceConnector><properties/></sourceConnector></channel></list>",
      /^2:1 it was written by Mirth Connect 2/,
    ],
  ] as const) {
    test(`${what} is refused, with its place`, () => {
      const result = translateMirth(Buffer.from(xml));
      assert.equal(result.kind, "refused");
      if (result.kind === "refused") {
        assert.match(`${result.line}:${result.column} ${result.message}`, message);
      }
    });
  }
});

test("import-mirth: names of Mirth become names of ours, each once", () => {
  const names = new ChannelNames();
  for (const [name, ours] of [
    ["ADT from KIS", "adt-from-kis"],
    ["ADT_from:KIS", "adt-from-kis-2"],
    ["Röntgen – Straße", "rontgen-strasse"],
    ["心電図", "channel"],
    ["", "channel-2"],
    ["--- 9 ---", "9"],
  ] as const) {
    assert.equal(names.nameFor(name), ours);
  }
  const [one, other] = [names.nameFor("x".repeat(200)), names.nameFor("x".repeat(200))];
  assert.deepEqual([one.length, other.length], [63, 63]);
  assert.notEqual(one, other);
});

describe("import-mirth, what does not run", () => {
  test("a disabled channel, by the word of old and new exports, and a disabled destination", () => {
    const off = "<exportData><metadata><enabled>false</enabled></metadata></exportData>";
    const now = mirthChannel().replace(/<exportData>.*<\/exportData>/, off);
    const before = mirthChannel({ more: "<enabled>false</enabled>" });
    for (const xml of [now, before]) {
      assert.match(textsOf(xml), /# disabled in Mirth.*\n {2}#- name: adt\n/);
      assert.equal(loaded(translated(xml)).length, 0);
    }
    const destination = connector(SENDER, "to", { enabled: "false" });
    const running = loaded(translated(mirthChannel({ destinations: [destination] })));
    assert.deepEqual(
      running.map(({ name }) => name),
      ["adt"],
    );
  });

  test("a channel that is deployed and not started", () => {
    const text = textsOf(mirthChannel({ settings: { initialState: "STOPPED" } }));
    assert.match(text, /# not started in Mirth/);
  });

  test("the second of two channels on one port or in one folder", () => {
    const reader = connector(READER, "sourceConnector");
    const all = [
      mirthChannel({ name: "A" }),
      mirthChannel({ name: "B" }),
      mirthChannel({ name: "C", source: reader }),
      mirthChannel({ name: "D", source: reader }),
      mirthChannel({
        name: "E",
        source: listener(6663),
        destinations: [connector(WRITER, "w", { host: "/srv/hl7/in" })],
      }),
    ];
    const translation = translated(`<list>${all.join("")}</list>`);
    assert.deepEqual(
      loaded(translation).map(({ name }) => name),
      ["a", "c", "e"],
    );
    const text = yamlLines(translation).join("\n");
    assert.match(text, /"B", source: an earlier channel listens on this port/);
    assert.match(text, /"D", source: its folder/);
    assert.match(text, /"E", destination "w": its folder/);
  });

  test("a value that the schema refuses", () => {
    const writer = connector(WRITER, "w", { outputPattern: "x.tmp" });
    const translation = translated(mirthChannel({ destinations: [writer] }));
    assert.deepEqual(
      translation.entries.map(({ notRun }) => notRun),
      [undefined, "held"],
    );
    assert.match(yamlLines(translation).join("\n"), /holdfast config check says which/);
  });
});

describe("import-mirth, what has no equivalent", () => {
  test("is named with channel, line and what to do", () => {
    const text = textsOf(mirthChannel({ name: "Web", source: connector(HTTP, "sourceConnector") }));
    assert.match(
      text,
      /^ {2}# NO EQUIVALENT, line 7, "Web", source: HTTP Listener: this agent speaks no HTTP/m,
    );
    assert.match(text, /# no channel here/);
  });

  test("scripts, and nothing of their text; those that do nothing are not named", () => {
    assert.doesNotMatch(textsOf(mirthChannel()), /script/);
    for (const name of [
      "preprocessingScript",
      "postprocessingScript",
      "deployScript",
      "undeployScript",
    ]) {
      const text = textsOf(
        mirthChannel({ settings: { [name]: "logger.info('s3cret'); return;" } }),
      );
      assert.match(text, /NO EQUIVALENT, line \d+, "ADT": an? \w+ script: scripts do not run here/);
      assert.doesNotMatch(text, /s3cret/);
    }
    const long = { deployScript: `// ${"/*".repeat(100_000)}` };
    assert.match(textsOf(mirthChannel({ settings: long })), /deploy script/);
  });

  test("filters and transformers, counted and not quoted", () => {
    const rule =
      "<rule><name>Accept s3cret</name><enabled>true</enabled><script>s3cret</script></rule>";
    const off = rule.replace("true", "false");
    const filter = `<filter><elements>${rule}${rule}${off}</elements></filter>`;
    const source = connector(LISTENER, "sourceConnector", {}, filter);
    const text = textsOf(mirthChannel({ source }));
    assert.match(text, /a filter with rules \(2\): here nothing is filtered/);
    assert.doesNotMatch(text, /s3cret/);
    const old = connector(LISTENER, "sourceConnector").replace(
      "<elements/>",
      "<steps><step><script>s3cret</script></step></steps>",
    );
    assert.match(textsOf(mirthChannel({ source: old })), /a transformer with steps \(1\)/);
  });

  test("attachments, columns, pruning, storage, code templates", () => {
    const plain = mirthChannel();
    for (const [from, to, message] of [
      ["<type>None", "<type>DICOM", /attachments are taken out/],
      ["mirth_source", "patientName", /custom metadata columns \(1\)/],
      [
        "<metadata>",
        "<metadata><pruningSettings><pruneMetaDataDays>7</pruneMetaDataDays></pruningSettings>",
        /ledgerDays/,
      ],
      ["<removeContentOnCompletion>false", "<removeContentOnCompletion>true", /retainHours: 0/],
      ["DEVELOPMENT", "DISABLED", /NOTE.*each is kept, sealed/],
      [
        "<exportData>",
        "<exportData><codeTemplateLibraries><codeTemplateLibrary/></codeTemplateLibraries>",
        /code templates \(1 libraries\)/,
      ],
    ] as const) {
      assert.doesNotMatch(textsOf(plain), message);
      const changed = plain.replace(from, to);
      assert.notEqual(changed, plain);
      assert.match(textsOf(changed), message);
    }
  });

  test("what stands beside the channels of a server", () => {
    const entry = (script: string): string =>
      `<entry><string>Deploy</string><string>${script}</string></entry>`;
    const server = (script: string): string =>
      textsOf(`<serverConfiguration><channels>${mirthChannel()}</channels><alerts><alertModel/></alerts>
<globalScripts>${entry("// nothing\nreturn;")}${entry(script)}</globalScripts>
<configurationMap><entry><string>dbPassword</string><value>s3cret</value></entry></configurationMap></serverConfiguration>`);
    assert.match(server("s3cret()"), /global scripts \(1\)/);
    assert.doesNotMatch(server("return;"), /global scripts/);
    assert.match(server(""), /alerts \(1\)[\s\S]*configuration map \(1 entries\)/);
    assert.doesNotMatch(server("s3cret()"), /s3cret|dbPassword/);
  });
});
