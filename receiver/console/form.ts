/** What a form of ours brings, with a bound. One kind of form: what takes long to read is read by nobody here. @module */
import type { IncomingMessage } from "node:http";

/** A signed question, each of whose characters may be written as three. */
export const FORM_MAX_BYTES = 65_536;
/** What somebody may send who is not known: a link. */
export const LINK_FORM_MAX_BYTES = 1_024;
const TYPE = /^application\/x-www-form-urlencoded *(?:;|$)/i;

export class Form {
  readonly #fields: URLSearchParams;

  constructor(fields: URLSearchParams) {
    this.#fields = fields;
  }

  /** @returns empty if it is not there */
  text(name: string): string {
    return this.#fields.get(name) ?? "";
  }
}

/** @returns the status of a refusal where it is no form, too much, or broken */
export async function readForm(
  request: IncomingMessage,
  maxBytes: number,
): Promise<Form | 400 | 413 | 415> {
  if (!TYPE.test(request.headers["content-type"] ?? "")) return 415;
  // Said beforehand, it need not come.
  if (Number(request.headers["content-length"] ?? 0) > maxBytes) return 413;
  const parts: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const part of request as AsyncIterable<Uint8Array>) {
      bytes += part.length;
      if (bytes > maxBytes) return 413;
      parts.push(part);
    }
  } catch {
    return 400;
  }
  return new Form(new URLSearchParams(Buffer.concat(parts).toString("utf8")));
}
