/**
 * XML as a tree of elements with the line each begins in; refuses what is not well-formed, has a document type, or is
 * larger than any export.
 *
 * Only texts that `kept-text` names are kept, and of attributes only `class` and `version`: what is not in the tree cannot
 * be printed.
 *
 * @module
 */
import sax from "sax";
import { type Refused, refusedAt } from "./decode.ts";
import { type TextRule, textRuleOf } from "./kept-text.ts";

/** Iterators in transformers nest, four elements a step. */
const DEPTH_MAX = 200;
/** A configuration of 500 channels has about 200,000. */
const ELEMENTS_MAX_COUNT = 1_000_000;
/** Between two looks at how much `sax` holds. */
const SLICE_CHARS = 65_536;
const CLASS_MAX_CHARS = 200;

/** Of entities only the five of XML itself: the types do not have the option yet. */
const OPTIONS: sax.SAXOptions & { readonly strictEntities: true } = { strictEntities: true };

export interface XmlNode {
  readonly name: string;
  /** From 1. */
  readonly line: number;
  /** Attribute `class`: of properties, the Java class. */
  readonly className: string;
  /** Attribute `version`: of Mirth. */
  readonly version: string;
  readonly text: string;
  readonly children: readonly XmlNode[];
}

interface OpenNode extends XmlNode {
  className: string;
  version: string;
  text: string;
  readonly children: OpenNode[];
  readonly rule: TextRule | undefined;
}

class Problem extends Error {
  readonly refused: Refused;
  constructor(refused: Refused) {
    super(refused.message);
    this.refused = refused;
  }
}

export function readXml(text: string): { readonly kind: "read"; readonly root: XmlNode } | Refused {
  const parser = sax.parser(true, { ...OPTIONS });
  const builder = new TreeBuilder(parser);
  try {
    for (let at = 0; at < text.length; at += SLICE_CHARS) {
      parser.write(text.slice(at, at + SLICE_CHARS));
    }
    parser.close();
  } catch (error) {
    if (error instanceof Problem) return error.refused;
    throw error;
  }
  return builder.root === undefined
    ? refusedAt(1, 1, "there is no XML in the file")
    : { kind: "read", root: builder.root };
}

class TreeBuilder {
  root: XmlNode | undefined;
  readonly #parser: sax.SAXParser;
  readonly #open: OpenNode[] = [];
  readonly #path: string[] = [];
  #count = 0;

  constructor(parser: sax.SAXParser) {
    this.#parser = parser;
    parser.onerror = (error) => this.#fail(error);
    parser.ondoctype = () =>
      this.#refuse("a document type (DOCTYPE) is not read: no export has one");
    parser.onopentagstart = ({ name }) => this.#begin(name);
    parser.onattribute = ({ name, value }) => this.#attribute(name, value);
    parser.ontext = (text) => this.#text(text);
    parser.oncdata = (text) => this.#text(text);
    parser.onclosetag = () => this.#end();
  }

  #begin(name: string): void {
    if (this.root !== undefined) this.#refuse("a second document begins here");
    this.#count += 1;
    if (this.#count > ELEMENTS_MAX_COUNT) {
      this.#refuse(`more than ${ELEMENTS_MAX_COUNT} elements: export fewer channels at a time`);
    }
    if (this.#open.length >= DEPTH_MAX) this.#refuse(`nested more than ${DEPTH_MAX} deep`);
    this.#path.push(name);
    const line = this.#parser.line + 1;
    const rule = textRuleOf(this.#path);
    const node = { name, line, className: "", version: "", text: "", children: [], rule };
    this.#open.at(-1)?.children.push(node);
    this.#open.push(node);
  }

  #attribute(name: string, value: string): void {
    const node = this.#open.at(-1);
    if (node === undefined) return;
    if (name === "class") node.className = value.slice(0, CLASS_MAX_CHARS);
    if (name === "version") node.version = value.slice(0, CLASS_MAX_CHARS);
  }

  #text(text: string): void {
    const node = this.#open.at(-1);
    if (node?.rule === undefined || node.text.length >= node.rule.maxChars) return;
    node.text = (node.text + text).slice(0, node.rule.maxChars);
  }

  #end(): void {
    const node = this.#open.pop();
    this.#path.pop();
    if (node === undefined) return;
    if (node.rule !== undefined) node.text = node.rule.keep(node.text);
    if (this.#open.length === 0) this.root = node;
  }

  #fail(error: Error): void {
    // Mirth writes control characters of scripts as &#x1b;, which XML 1.0 forbids: they are in nothing that is kept.
    const entity = (this.#parser as unknown as { readonly entity?: string }).entity ?? "";
    if (error.message.startsWith("Invalid character entity") && /^#x?[0-9a-f]+$/i.test(entity)) {
      (this.#parser as { error: Error | null }).error = null;
      return;
    }
    // Behind the colon stands a name of the file, which may be a part of a script.
    const [what = ""] = error.message.split(/[:\n]/);
    this.#refuse(`not well-formed XML: ${what}`);
  }

  #refuse(message: string): never {
    const { line, column } = this.#parser;
    throw new Problem(refusedAt(line + 1, Math.max(1, column), message));
  }
}

/** The first descendant along these names. */
export function find(node: XmlNode | undefined, ...names: readonly string[]): XmlNode | undefined {
  let found = node;
  for (const name of names) found = found?.children.find((child) => child.name === name);
  return found;
}

/** Its text; empty if there is no such element. */
export const textAt = (node: XmlNode | undefined, ...names: readonly string[]): string =>
  find(node, ...names)?.text ?? "";

/** Whether it says `true`. */
export const isTrue = (node: XmlNode | undefined, ...names: readonly string[]): boolean =>
  textAt(node, ...names).toLowerCase() === "true";

/** Whether it says `false`: an absent one says nothing. */
export const isFalse = (node: XmlNode | undefined, ...names: readonly string[]): boolean =>
  textAt(node, ...names).toLowerCase() === "false";
