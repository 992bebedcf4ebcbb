/**
 * Reads a YAML document and checks it against a schema, or says everything that is wrong with it,
 * each with line and column.
 *
 * Only plain YAML 1.2 is read: no aliases, tags, merge keys, repeated keys or second document. What
 * a person did not write out is not there, and no short file unfolds into a large one.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isPair,
  isScalar,
  LineCounter,
  parseDocument as parseYaml,
  visit,
} from "yaml";
import { z } from "zod";
import { knownKeysAt, nearest } from "./known-keys.ts";

/** No configuration is near it (07 2.2 allows 1 MB); a mistaken file name often is. */
const DOCUMENT_MAX_BYTES = 1_048_576;
/** One slip can be reported at each of thousands of places; a person mends the first ones. */
const PROBLEMS_MAX_COUNT = 20;

export interface DocumentProblem {
  /** From 1. */
  readonly line: number;
  /** From 1, in characters. */
  readonly column: number;
  /** Where in the document, such as `channels.0.port`; empty for the whole of it. */
  readonly path: string;
  /** For people; quotes keys, never values. */
  readonly message: string;
}

/** A document that cannot be used, with the first 20 problems found, in the order of the file. */
export class DocumentError extends Error {
  override readonly name = "DocumentError";
  readonly file: string;
  readonly problems: readonly DocumentProblem[];

  constructor(file: string, problems: readonly DocumentProblem[], options?: ErrorOptions) {
    const lines = problems.map((p) => `${file}:${p.line}:${p.column}: ${p.message}`);
    super(lines.join("\n"), options);
    this.file = file;
    this.problems = problems;
  }
}

/**
 * Reads and checks a file.
 *
 * @param file path of a UTF-8 file of at most 1 MiB
 * @param schema strict objects, so that unknown keys are found
 * @throws {DocumentError} if the file cannot be read or does not fit; never anything else
 */
export function loadDocument<T>(file: string, schema: z.ZodType<T>): T {
  return parseDocument(readText(file), file, schema);
}

/**
 * Checks a text as {@link loadDocument} does a file.
 *
 * @param name stands for the file in what is said about it
 * @throws {DocumentError} if the text does not fit
 */
export function parseDocument<T>(text: string, name: string, schema: z.ZodType<T>): T {
  try {
    return parseShallow(text, name, schema);
  } catch (error) {
    // Parser and visitors are recursive: thousands of nested brackets exhaust the stack.
    if (error instanceof RangeError) throw wholeDocument(name, "nested too deeply", error);
    throw error;
  }
}

function parseShallow<T>(text: string, name: string, schema: z.ZodType<T>): T {
  const lines = new LineCounter();
  const document = parseYaml(text, { lineCounter: lines, prettyErrors: false, version: "1.2" });
  const broken = [...syntaxProblems(document, lines), ...surpriseProblems(document, lines)];
  if (broken.length > 0) throw new DocumentError(name, inOrder(broken));

  const value: unknown = document.toJS();
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  if ((value ?? null) === null) throw wholeDocument(name, "it is empty: no setting is in it");
  const json = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" });
  const problems = result.error.issues.flatMap((issue) =>
    issueProblems(issue, document, lines, (path) => knownKeysAt(json, path)),
  );
  throw new DocumentError(name, inOrder(problems));
}

function readText(file: string): string {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unknown";
    const what = code === "ENOENT" ? "there is no such file" : "the file cannot be read";
    throw wholeDocument(file, `${what} (${code})`, error);
  }
  if (bytes.length > DOCUMENT_MAX_BYTES) {
    throw wholeDocument(file, `the file is larger than ${DOCUMENT_MAX_BYTES} bytes`);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw wholeDocument(file, "the file is not UTF-8 text", error);
  }
}

function wholeDocument(file: string, message: string, cause?: unknown): DocumentError {
  return new DocumentError(file, [{ line: 1, column: 1, path: "", message }], { cause });
}

function syntaxProblems(document: Document.Parsed, lines: LineCounter): DocumentProblem[] {
  // A warning is a tag or directive that the parser ignores: ignored input is a surprise.
  return [...document.errors, ...document.warnings].map((error) => ({
    ...positionAt(lines, error.pos[0]),
    path: "",
    message: syntaxMessage(error, document, lines),
  }));
}

function syntaxMessage(
  { code, message, pos }: Document.Parsed["errors"][number] | Document.Parsed["warnings"][number],
  document: Document.Parsed,
  lines: LineCounter,
): string {
  if (code === "RESOURCE_EXHAUSTION") return "nested too deeply";
  return (code === "DUPLICATE_KEY" && repeatedKey(document, pos[0], lines)) || firstLine(message);
}

/** @param offset of the key that is there a second time */
function repeatedKey(
  document: Document.Parsed,
  offset: number,
  lines: LineCounter,
): string | undefined {
  let said: string | undefined;
  visit(document, {
    Map(_key, { items }) {
      const keys = items.map(({ key }) => key).filter((key) => isScalar(key));
      const again = keys.find((key) => offsetOf(key) === offset);
      if (again === undefined) return undefined;
      const first = keys.find(({ value }) => value === again.value);
      said = `the key '${again.value}' is there twice, first in line ${positionAt(lines, offsetOf(first) ?? 0).line}`;
      return visit.BREAK;
    },
  });
  return said;
}

function surpriseProblems(document: Document.Parsed, lines: LineCounter): DocumentProblem[] {
  const problems: DocumentProblem[] = [];
  const add = (offset: number | undefined, message: string): void => {
    problems.push({ ...positionAt(lines, offset ?? 0), path: "", message });
  };
  visit(document, {
    Node(_key, node) {
      if (isAlias(node)) add(node.range?.[0], "aliases are not allowed, write the value out");
      else if (node.anchor !== undefined) add(node.range?.[0], "anchors are not allowed");
    },
    Pair(_key, pair) {
      if (isScalar(pair.key) && typeof pair.key.value === "string") return;
      if (isAlias(pair.key)) return;
      add(isNode(pair.key) ? pair.key.range?.[0] : undefined, "a key must be text");
    },
  });
  return problems;
}

type KnownKeys = (path: readonly PropertyKey[]) => readonly string[];

function issueProblems(
  issue: z.core.$ZodIssue,
  document: Document.Parsed,
  lines: LineCounter,
  knownKeys: KnownKeys,
): DocumentProblem[] {
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => {
      const near = nearest(key, knownKeys(issue.path));
      return problemAt(
        [...issue.path, key],
        `unknown key '${key}'${hintOf(key, near)}`,
        document,
        lines,
      );
    });
  }
  const path = issue.path.map(String).join(".");
  // Zod says "received undefined" for a key that is not there; people look for the key.
  const absent = path !== "" && document.getIn(issue.path) === undefined;
  const missing = absent && issue.code === "invalid_type";
  const about = path === "" ? "" : `'${path}' `;
  const message = missing ? `'${path}' is missing` : `${about}${issue.message}`;
  return [problemAt(issue.path, message, document, lines)];
}

/** Points at the key of `path`, or at its nearest ancestor that is in the document. */
function problemAt(
  path: readonly PropertyKey[],
  message: string,
  document: Document.Parsed,
  lines: LineCounter,
): DocumentProblem {
  let offset = offsetOf(document.contents) ?? 0;
  let node: unknown = document.contents;
  for (const part of path) {
    if (isMap(node)) {
      const pair = node.items.find((p) => isPair(p) && isScalar(p.key) && p.key.value === part);
      if (pair === undefined) break;
      offset = offsetOf(pair.key) ?? offset;
      node = pair.value;
    } else if (isNode(node) && "items" in node && Array.isArray(node.items)) {
      node = node.items[Number(part)];
      if (node === undefined) break;
      offset = offsetOf(node) ?? offset;
    } else break;
  }
  return { ...positionAt(lines, offset), path: path.map(String).join("."), message };
}

function offsetOf(node: unknown): number | undefined {
  return isNode(node) ? node.range?.[0] : undefined;
}

function positionAt(lines: LineCounter, offset: number): { line: number; column: number } {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(1, line), column: Math.max(1, col) };
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0] ?? text;
}

function inOrder(problems: readonly DocumentProblem[]): DocumentProblem[] {
  const sorted = problems.toSorted((a, b) => a.line - b.line || a.column - b.column);
  return sorted.slice(0, PROBLEMS_MAX_COUNT);
}

function hintOf(key: string, near: string | undefined): string {
  if (near === undefined) return "";
  return near === key ? ": another kind has it, this one has not" : `, did you mean '${near}'?`;
}
