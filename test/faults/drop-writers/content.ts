/** Files that say themselves whether they are whole: each ends in the digest of all before it. @module */
import { hash } from "node:crypto";
import { latin1, message } from "#test/support/messages.ts";

const DIGEST = "ZDG|";
const PDF_DIGEST = "%DIGEST ";

export type Form = "hl7" | "batch" | "pdf";

/** @param size about so many bytes */
export function contentOf(form: Form, id: string, size: number): Buffer {
  // Changes all the way, so that no part of it looks like another.
  const lines = Array.from({ length: Math.ceil(size / 50) }, (_, n) => {
    const text = hash("sha256", `${id}#${n}`).slice(0, 36);
    return form === "pdf" ? `% ${id} ${text}\n` : `OBX|${n}|TX|||${text}\r`;
  }).join("");
  if (form === "pdf") {
    const text = `%PDF-1.7\n%ID ${id}\n${lines}`;
    return latin1(`${text}${PDF_DIGEST}${hash("sha256", text)}\n%%EOF\n`);
  }
  const text = `${message({ 10: id })}${lines}`;
  const whole = `${text}${DIGEST}${hash("sha256", text)}\r`;
  return latin1(form === "batch" ? `BHS|^~\\&|LAB\r${whole}BTS|1\r` : whole);
}

/** @returns the id of a whole message or document, `undefined` for half of one, or a mixture */
export function wholeId(body: string): string | undefined {
  const isPdf = body.startsWith("%PDF");
  const at = body.lastIndexOf(isPdf ? PDF_DIGEST : DIGEST);
  if (at < 0) return undefined;
  const text = body.slice(0, at);
  const digest = hash("sha256", latin1(text));
  const end = isPdf ? `${PDF_DIGEST}${digest}\n%%EOF\n` : `${DIGEST}${digest}\r`;
  if (body.slice(at) !== end) return undefined;
  return isPdf ? /^%ID (.*)$/m.exec(text)?.[1] : text.split("|")[9];
}
