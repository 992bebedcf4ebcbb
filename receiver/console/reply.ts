/** What is answered, and the heads of it. @module */
import type { ServerResponse } from "node:http";
import type { Html } from "#pages/html.ts";

export interface Reply {
  readonly status: number;
  readonly type: string;
  readonly body: Uint8Array | string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Nothing from elsewhere, nothing inline, no frame around it, nothing kept; forms go to us alone. */
const HEADERS = {
  "Cache-Control": "no-store",
  "Content-Security-Policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Resource-Policy": "same-origin",
  // With `no-referrer` browsers would send forms without their origin.
  "Referrer-Policy": "same-origin",
  "X-Content-Type-Options": "nosniff",
  "X-Frame-Options": "DENY",
} as const;

export const page = (html: Html, status = 200): Reply => ({
  ...{ status, type: "text/html; charset=utf-8", body: html.toString() },
});

export const json = (value: unknown): Reply => ({
  ...{ status: 200, type: "application/json; charset=utf-8", body: JSON.stringify(value) },
});

export const text = (status: number, line: string): Reply => ({
  ...{ status, type: "text/plain; charset=utf-8", body: `${line}\n` },
});

/** The browser asks for another page, with GET. */
export const seeOther = (path: string, headers: Readonly<Record<string, string>> = {}): Reply => ({
  ...{ ...text(303, "See there"), headers: { ...headers, Location: path } },
});

export function sendReply(response: ServerResponse, { status, type, body, headers }: Reply): void {
  if (response.destroyed || response.headersSent) return;
  const bytes = typeof body === "string" ? Buffer.from(body) : body;
  const own = { "Content-Type": type, "Content-Length": bytes.length };
  response.writeHead(status, { ...HEADERS, ...own, ...headers });
  response.end(bytes);
}
