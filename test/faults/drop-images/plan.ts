/**
 * What is dropped while rig A records, and what must become of each: a function of nothing, so that the writer and
 * the judge agree without a word.
 *
 * @module
 */
import { hash } from "node:crypto";
import { adt, latin1 } from "#test/support/messages.ts";

/** Each is a channel with a folder of its name; in the order of their numbers in the store. */
export const CHANNELS = ["plain", "pairs", "papers", "unlinked", "rows"] as const;
export type Channel = (typeof CHANNELS)[number];

/** As in `local.yaml`. `unlinked` is on a file system without hard links, as far as it can tell. */
export const CONFIG: Readonly<Record<Channel, Readonly<Record<string, unknown>>>> = {
  plain: {},
  pairs: { completion: "controlFile" },
  papers: { content: "binary", sidecar: "json" },
  unlinked: {},
  rows: { claimBy: "row" },
};

/**
 * How a sender writes. `temporary`: under another name first; `direct`: under its own; both flush file and
 * folder. `lazy`: without any flush, as most do.
 */
export type Manner = "temporary" | "direct" | "lazy";

/** Files that are taken together. */
export interface Unit {
  readonly channel: Channel;
  /** 0: into a running agent; 1: before it starts, and is killed; 2: after that. */
  readonly wave: 0 | 1 | 2;
  readonly manner: Manner;
  /** Data first. The last one is written last. */
  readonly files: readonly { readonly name: string; readonly bytes: Buffer }[];
  readonly goesTo: "archive" | "error";
  /** Bodies that are sent, once for all units of the channel with this `content`. */
  readonly sent: readonly Buffer[];
  readonly aside: readonly Buffer[];
  /** Units of a channel that have the same are the same to the agent (04 P26). */
  readonly content: string;
}

/** Whole seconds, which any file system keeps: the images have it, too. */
export const modifiedSecond = (index: number): number => 1_700_000_000 + index;

/** A message without a type (03 E2). */
const bad = (id: string): Buffer => latin1(`MSH|^~\\&|LAB|NORTH|||2025|||${id}|P|2.5\r`);
const good = (id: string, bytes = 0): Buffer => latin1(adt(id, `|${"x".repeat(bytes)}`));

type Row = Pick<Unit, "channel" | "wave" | "manner">;

function hl7(row: Row, name: string, messages: readonly Buffer[], more: Partial<Unit> = {}): Unit {
  const bytes = Buffer.concat(messages);
  return {
    ...row,
    files: [{ name, bytes }],
    ...{ goesTo: "archive", sent: messages, aside: [], content: hash("sha256", bytes) },
    ...more,
  };
}

/** One that nobody can use: no header anywhere (04 P39). */
function rubbish(row: Row, name: string): Unit {
  const bytes = latin1(`nothing that anybody knows, in ${row.channel} ${name}\r`);
  return { ...hl7(row, name, [bytes]), goesTo: "error", sent: [] };
}

function withControl(unit: Unit, name: string): Unit {
  return { ...unit, files: [...unit.files, { name, bytes: Buffer.alloc(0) }] };
}

function paper(row: Row, name: string, text: string, size = 0): Unit {
  const bytes = latin1(`%PDF-1.7\n${text}${"y".repeat(size)}\n%%EOF\n`);
  const sidecar = latin1(JSON.stringify({ title: text }));
  return {
    ...hl7(row, `${name}.pdf`, [bytes]),
    files: [
      { name: `${name}.pdf`, bytes },
      { name: `${name}.json`, bytes: sidecar },
    ],
    content: `${name} ${text}`,
  };
}

/** What every channel with HL7 files gets in every wave. */
function common(channel: Channel, wave: Unit["wave"]): Unit[] {
  const id = (n: number): string => `${channel}.${wave}.${n}`;
  const at = (manner: Manner): Row => ({ channel, wave, manner });
  const units = [
    hl7(at("temporary"), `a${wave}.hl7`, [good(id(1))]),
    hl7(at("direct"), `b${wave}.hl7`, [good(id(2), 3_000)]),
    hl7(at("lazy"), `c${wave}.hl7`, [good(id(3), 9_000)]),
    // Another file in each wave: a name that is taken in the archive.
    hl7(at("direct"), "again.hl7", [good(id(4))]),
    hl7(at("temporary"), `copy${wave}.hl7`, [good(id(1))]),
    rubbish(at("direct"), `rubbish${wave}.hl7`),
  ];
  if (channel !== "pairs") return units;
  return units.map((unit, index) => {
    const name = unit.files[0]?.name ?? "";
    return withControl(unit, index % 2 === 0 ? `${name}.ok` : name.replace(/hl7$/, "ctl"));
  });
}

function plain(wave: Unit["wave"]): Unit[] {
  const id = (n: number): string => `plain.${wave}.more${n}`;
  const at = (manner: Manner): Row => ({ channel: "plain", wave, manner });
  const head = latin1("BHS|^~\\&|LAB\r");
  const tail = latin1("BTS|3\r");
  const batch = [good(id(1)), good(id(2)), good(id(3))];
  const large = [good(id(4), 500_000), good(id(5), 400_000), good(id(6), 300_000)];
  const partial = [good(id(7)), bad(id(8)), good(id(9))];
  const bytes = Buffer.concat([head, ...batch, tail]);
  return [
    {
      ...hl7(at("temporary"), `batch${wave}.hl7`, batch),
      files: [{ name: `batch${wave}.hl7`, bytes }],
    },
    hl7(at("direct"), `partial${wave}.hl7`, partial, {
      sent: [good(id(7)), good(id(9))],
      aside: [bad(id(8))],
    }),
    // In slices. Once is enough: images have it all.
    ...(wave === 1 ? [hl7(at("direct"), "gr\u00f6\u00dfer.hl7", large)] : []),
    rubbish(at("lazy"), `lazy rubbish${wave}.hl7`),
  ].map((unit) => ({
    ...unit,
    content: hash("sha256", Buffer.concat(unit.files.map((f) => f.bytes))),
  }));
}

function papers(wave: Unit["wave"]): Unit[] {
  const at = (manner: Manner): Row => ({ channel: "papers", wave, manner });
  return [
    paper(at("temporary"), `letter${wave}`, `letter ${wave}`),
    paper(at("direct"), `same${wave}`, "the same to all"),
    paper(at("lazy"), `note${wave}`, `note ${wave}`, 5_000),
    paper(at("direct"), "again", "the same to all", 100),
    ...(wave === 1 ? [paper(at("direct"), "scan", "scan", 1_200_000)] : []),
  ];
}

const WAVES = [0, 1, 2] as const;

/** In the order in which they are written; the index is by what marks name them. */
export const UNITS: readonly Unit[] = WAVES.flatMap((wave) => [
  ...(["plain", "pairs", "unlinked", "rows"] as const).flatMap((channel) => common(channel, wave)),
  ...plain(wave),
  ...papers(wave),
]);
