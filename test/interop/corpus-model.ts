/**
 * What 03 says must become of one file sent as one block, worked out with text and regular expressions:
 * the oracle of the corpus test, which shares no code with the agent (10 section 1).
 *
 * @module
 */
import { naiveBlocks } from "#test/fuzz/naive-blocks.ts";
import { latin1, sha256Of } from "#test/support/messages.ts";

/** 32 MiB, the default of `maxBlockBytes`: no file of the corpus comes near it. */
const WIRE = { blockMaxBytes: 33_554_432, lenientEnd: true, ending: "end" } as const;
/** 03 F2: the default of `junkSampleBytes`. */
const JUNK_SAMPLE_BYTES = 256;

/** What is kept of a block, each as the SHA-256 of its bytes, and what its sender hears. */
export interface Fate {
  readonly stored: readonly string[];
  readonly aside: readonly { readonly reason: string; readonly sha256: string }[];
  /** For each reply block the `MSA-1 MSA-2` of each acknowledgment in it. */
  readonly replies: readonly (readonly string[])[];
}

const NOTHING: Fate = { stored: [], aside: [], replies: [] };

/** @param payload what goes between VT and FS CR, one character a byte; it may hold framing bytes itself */
export function fateOf(payload: string): Fate {
  const fates = naiveBlocks(`\x0b${payload}\x1c\r`, WIRE).map(({ label, text }) => {
    if (label.endsWith("malformed")) return setAside("embeddedFraming", text, [["AR "]]);
    if (label.endsWith("block")) return blockFate(text);
    const [kind = "", reason = kind] = label.split(" ");
    return setAside(reason, kind === "junk" ? text.slice(0, JUNK_SAMPLE_BYTES) : text, []);
  });
  return fates.reduce(together, NOTHING);
}

/** A malformed block is answered by its own header, where it has one. */
function setAside(reason: string, text: string, replies: Fate["replies"]): Fate {
  const own = replies.length === 0 ? [] : answers(readHeader(text), false);
  return { stored: [], aside: [{ reason, sha256: shaOf(text) }], replies: own };
}

function blockFate(text: string): Fate {
  if (text.trim() === "") return NOTHING;
  const { messages, leftovers, enveloped } = partsOf(text);
  const judged = messages.map((part) => ({ part, header: readHeader(part) }));
  const stored = judged.flatMap(({ part, header }) => (header.fault ? [] : [shaOf(part)]));
  const bad = judged.flatMap(({ part, header }) =>
    header.fault ? [{ reason: header.fault, sha256: shaOf(part) }] : [],
  );
  const aside = [...bad, ...leftovers.map((one) => ({ reason: "leftover", sha256: shaOf(one) }))];
  // 03 F12: with an envelope one acknowledgment a child, without one for the first alone.
  const replies = enveloped
    ? [judged.flatMap(({ header }) => answers(header, header.fault === "").flat())]
    : answers(judged[0]?.header ?? readHeader(""), bad.length === 0);
  return { stored, aside, replies: replies.filter((reply) => reply.length > 0) };
}

const BOUNDARY = /(?<=^|[\r\n]|^\xef\xbb\xbf)(?=(?:MSH|FHS|BHS|BTS|FTS)[^\w\s])/;

/** 04 P35 to P39: each message from its MSH on; one message, or none, is the whole block. */
function partsOf(text: string): {
  readonly messages: readonly string[];
  readonly leftovers: readonly string[];
  readonly enveloped: boolean;
} {
  const pieces = text.split(BOUNDARY);
  const messages = pieces.filter((piece) => piece.startsWith("MSH"));
  const enveloped = pieces.some((piece) => /^[FB]HS/.test(piece));
  if (!enveloped && messages.length < 2) return { messages: [text], leftovers: [], enveloped };
  const others = pieces.filter((piece) => !piece.startsWith("MSH"));
  const behind = others.map((piece) => piece.replace(/^[FB][HT]S[^\r\n]*|^\xef\xbb\xbf/, ""));
  const leftovers = behind.map((rest) => rest.trimStart()).filter((rest) => rest !== "");
  return { messages, leftovers, enveloped };
}

interface Header {
  /** The reason for which 03 E2 refuses it; empty where it does not. */
  readonly fault: string;
  readonly type: string;
  readonly controlId: string;
  /** MSH-15 and MSH-16. */
  readonly accept: string;
  readonly application: string;
}

function readHeader(text: string): Header {
  const [, line = ""] = /^(?:\xef\xbb\xbf)?[ \t\r\n]{0,64}(MSH[^\r\n]*)/.exec(text) ?? [];
  const long = line.length >= 8;
  const [encoding = "", ...fields] = long ? line.slice(4).split(line[3] ?? "|") : [];
  const field = (n: number): string => fields[n - 3] ?? "";
  const [type = ""] = field(9).split(encoding[0] ?? "^");
  const controlId = field(10);
  const faults = [
    [line === "", "noHeader"],
    [!long, "headerTooShort"],
    [type === "", "noMessageType"],
    [controlId === "", "noControlId"],
  ] as const;
  const fault = faults.find(([is]) => is)?.[1] ?? "";
  const [accept, application] = [field(15), field(16)].map((one) => one.trim().toUpperCase());
  return { fault, type, controlId, accept: accept ?? "", application: application ?? "" };
}

/** The tables of 03 A3, A4 and A5 in mode `auto`, and A12. @returns one reply with one acknowledgment, or none */
function answers({ type, controlId, accept, application }: Header, good: boolean): string[][] {
  if (type === "ACK" || type === "MCF") return [];
  const wanted = (condition: string): boolean =>
    condition !== "NE" && condition !== (good ? "ER" : "SU");
  const [family, said] =
    accept !== "" && accept !== "NE" ? ["C", accept] : ["A", application || accept];
  return wanted(said ?? "") ? [[`${family}${good ? "A" : "R"} ${controlId}`]] : [];
}

const shaOf = (text: string): string => sha256Of(latin1(text));

const together = (a: Fate, b: Fate): Fate => ({
  stored: [...a.stored, ...b.stored],
  aside: [...a.aside, ...b.aside],
  replies: [...a.replies, ...b.replies],
});
