/** docs/integrate: each setting of ours that a page names is one, and each command takes what the page gives it. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parse } from "yaml";
import { z } from "zod";
import { CONDITIONS } from "#agent/health/catalogue.ts";
import { mllpListener } from "#config/mllp-listener.ts";
import { mllpSender } from "#config/mllp-sender.ts";
import { programFile } from "#test/support/programs.ts";

const FOLDER = join(import.meta.dirname, "../../docs/integrate");
const PARTS = ["On its side", "Here", "Test", "Known", "Sources"];
const KINDS = { "mllp-listener": mllpListener, "mllp-sender": mllpSender } as const;
/** Of the other side, of the receiver, of what `channel list` counts, and words of shells. */
const NOT_OURS =
  /^(?:HL7_MLLP_TCP_OUTBOUND\w*|…_VALIDATION|[:?~].*|EnsLib\.\S+|ReplyCodeActions|server\/.*|messageLimitBytes|none|S|close|retry)$/;
const COUNTERS = ["quarantinedRepeats", "refusedConnections"];

const names = readdirSync(FOLDER).filter((name) => name !== "README.md");
const read = (name: string): string => readFileSync(join(FOLDER, name), "utf8");

const keysOf = (schema: z.ZodType): readonly string[] =>
  Object.keys(
    (
      z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }) as {
        readonly properties?: object;
      }
    ).properties ?? {},
  );
const OUR_KEYS = new Set(Object.values(KINDS).flatMap(keysOf));

/** Blocks of one language. */
const blocksOf = (page: string, language: string): string[] =>
  [...page.matchAll(/^```(\S+)\n([\s\S]*?)^```$/gm)].flatMap(([, kind, text = ""]) =>
    kind === language ? [text] : [],
  );

interface Channel {
  readonly kind: keyof typeof KINDS;
}

for (const name of names) {
  test(`docs/integrate/${name} has all parts, and its channels are valid`, () => {
    const page = read(name);
    assert.deepEqual(
      [...page.matchAll(/^## (.*)$/gm)].map(([, heading]) => heading),
      PARTS,
    );
    const channels = blocksOf(page, "yaml").flatMap((text) => parse(text) as Channel[]);
    assert.ok(channels.length > 0);
    for (const channel of channels) KINDS[channel.kind].parse(channel);
  });

  test(`docs/integrate/${name} names its sources, each one, and no other`, () => {
    const [before = "", after = ""] = read(name).split("\n## Sources\n");
    const cited = new Set([...before.matchAll(/ \[(\d)\]/g)].map(([, number]) => Number(number)));
    const listed = [...after.matchAll(/^(\d)\. \[.*\]\(https?:\/\/\S+\)/gm)].map(([, number]) =>
      Number(number),
    );
    assert.ok(listed.length > 0);
    assert.deepEqual([...cited].sort(), listed);
  });
}

test("every setting that docs/integrate names is one of ours", () => {
  const unknown: string[] = [];
  for (const name of [...names, "README.md"]) {
    const text = read(name).replaceAll(/^```[\s\S]*?^```$/gm, "");
    for (const [, quoted = ""] of text.matchAll(/`([^`]+)`/g)) {
      const [key = "", value] = quoted.split(": ");
      const isOurs =
        OUR_KEYS.has(key) || key in KINDS || key in CONDITIONS || COUNTERS.includes(key);
      if (value !== undefined && OUR_KEYS.has(key)) assertValue(name, key, value);
      if (isOurs || /^(?:holdfast|channel|--)/.test(quoted) || NOT_OURS.test(quoted)) continue;
      unknown.push(`${name}: ${quoted}`);
    }
  }
  assert.deepEqual(unknown, []);
});

test("defaults that docs/integrate mentions are those of the settings", () => {
  const defaults = mllpListener.parse({ name: "any", kind: "mllp-listener", port: 1 });
  const mentioned = names
    .concat("README.md")
    .flatMap((name) => [...read(name).matchAll(/`(\w+)` \((\d+) (s|MiB)\)/g)]);
  assert.ok(mentioned.length >= 3);
  for (const [, key = "", number, unit] of mentioned) {
    const bytes = unit === "MiB" ? 1_048_576 : 1;
    const value = Object.entries(defaults).find(([name]) => name === key)?.[1];
    assert.equal(value, Number(number) * bytes, key);
  }
});

/** A value that is named in a sentence is one that the key takes. */
function assertValue(name: string, key: string, value: string): void {
  const listener = { name: "any", kind: "mllp-listener", port: 1 };
  const sender = { name: "any", kind: "mllp-sender", host: "h", port: 1 };
  const tried = [mllpListener.safeParse({ ...listener, [key]: value })];
  const all = [...tried, mllpSender.safeParse({ ...sender, [key]: value })];
  assert.ok(
    all.some(({ success }) => success),
    `${name}: ${key} does not take ${value}`,
  );
}

test("every command of docs/integrate exists, with the options that it is given", () => {
  const lines = [...names, "README.md"].flatMap((name) => blocksOf(read(name), "sh"));
  const commands = new Set(lines.join("").trim().split("\n"));
  const helps = new Map<string, string>();
  for (const command of commands) {
    const [program, ...words] = command.split(" ");
    assert.equal(program, "holdfast");
    const isName = (word: string): boolean => /^[a-z]+$/.test(word);
    const path = words.slice(0, words[0] === "channel" ? 2 : 1);
    assert.ok(path.every(isName), command);
    const key = path.join(" ");
    const args = [programFile("agent/main.ts"), ...path, "--help"];
    const help = helps.get(key) ?? execFileSync(process.execPath, args, { encoding: "utf8" });
    helps.set(key, help);
    for (const flag of words.filter((word) => word.startsWith("--"))) {
      assert.ok(help.includes(`${flag} <`), `${command}: no ${flag}`);
    }
  }
  assert.ok(helps.size >= 4);
});
