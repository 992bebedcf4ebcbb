/** What a form of ours brings, with a bound; read as browsers send it, with or without a file. @module */
import type { IncomingMessage } from "node:http";

/** A signed question in base64 and JSON, twice. */
const FORM_MAX_BYTES = 196_608;
const TYPES = /^(?:application\/x-www-form-urlencoded|multipart\/form-data)\b/i;

export class Form {
  readonly #fields: FormData;

  constructor(fields: FormData) {
    this.#fields = fields;
  }

  /** @returns empty if it is not there, or a file */
  text(name: string): string {
    const value = this.#fields.get(name);
    return typeof value === "string" ? value : "";
  }

  async file(name: string): Promise<Uint8Array> {
    const value = this.#fields.get(name);
    if (value === null || typeof value === "string") return new Uint8Array(0);
    return new Uint8Array(await value.arrayBuffer());
  }
}

/** @returns the status of a refusal where it is no form, too much, or broken */
export async function readForm(request: IncomingMessage): Promise<Form | 400 | 413 | 415> {
  const type = request.headers["content-type"] ?? "";
  if (!TYPES.test(type)) return 415;
  const parts: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const part of request as AsyncIterable<Uint8Array>) {
      bytes += part.length;
      if (bytes > FORM_MAX_BYTES) return 413;
      parts.push(part);
    }
    const answer = new Response(Buffer.concat(parts), { headers: { "Content-Type": type } });
    return new Form(await answer.formData());
  } catch {
    return 400;
  }
}
