/** A channel of ours while it is being made out of a connector, with what has to be said about it. @module */
import type { XmlNode } from "./xml-tree.ts";

export type Value = string | number | boolean | readonly string[];

export interface Remark {
  /** `note`: translated, and something differs. `missing`: there is no equivalent, a person decides. */
  readonly kind: "note" | "missing";
  /** Of the export, from 1. */
  readonly line: number;
  /** Whose it is, such as `"ADT", destination "To RIS"`; made safe to print. */
  readonly place: string;
  /** One sentence or two: what it is, and what to do. Quotes no script and no password. */
  readonly text: string;
}

/** Stands where the export has no value that could be used; only ever in a comment. */
export const UNKNOWN = "CHANGE-ME";

export class Remarks {
  readonly #list: Remark[] = [];
  readonly place: string;

  constructor(place: string) {
    this.place = place;
  }

  /** In the order of the export. */
  get list(): readonly Remark[] {
    return this.#list.toSorted((one, other) => one.line - other.line);
  }

  note(node: XmlNode, text: string): void {
    this.#add("note", node, text);
  }

  missing(node: XmlNode, text: string): void {
    this.#add("missing", node, text);
  }

  #add(kind: Remark["kind"], { line }: XmlNode, text: string): void {
    this.#list.push({ kind, line, place: this.place, text });
  }
}

/** Keys in the order of our documents. */
export class Draft extends Remarks {
  readonly keys = new Map<string, Value>();
  /** Printed as a comment: as it stands it would not do what the hospital expects, or not at all. */
  isHeld = false;
  readonly properties: XmlNode;
  readonly connector: XmlNode;

  constructor(connector: XmlNode, properties: XmlNode, place: string) {
    super(place);
    this.connector = connector;
    this.properties = properties;
  }

  /** @param value absent: our default is what is meant */
  set(key: string, value: Value | undefined): void {
    if (value !== undefined) this.keys.set(key, value);
  }

  /** Something without an equivalent, so that the channel must not run before a person has looked. */
  hold(node: XmlNode, text: string): void {
    this.missing(node, text);
    this.isHeld = true;
  }
}

/**
 * A name for people: one line, no more than 80 characters, nothing that a terminal or YAML would obey.
 *
 * @param text from the export
 */
export function shown(text: string): string {
  const plain = text.replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, "?").replaceAll('"', "'");
  const characters = [...plain];
  return characters.length > 80 ? `${characters.slice(0, 79).join("")}…` : plain;
}
