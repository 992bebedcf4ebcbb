/**
 * Which requests are looked at: those of a browser that means us, and none that a foreign page made it ask.
 *
 * Pure. A name of somebody else's that points here shows in `Host`; a page of somebody else's in `Origin` and
 * `Sec-Fetch-Site`. What changes something has to come from a page of ours, and bring its token besides.
 *
 * @module
 */
import { isOwnHost, type Place } from "#pages/own-host.ts";

export interface Asked {
  readonly method: string;
  /** As on the request line. */
  readonly target: string;
  /** Every `Host` that was sent. */
  readonly hosts: readonly string[];
  readonly origin: string | undefined;
  readonly fetchSite: string | undefined;
  readonly fetchMode: string | undefined;
  readonly fetchDest: string | undefined;
}

export interface ConsolePlace extends Place {
  readonly scheme: "http" | "https";
}

export type Judged =
  | { readonly kind: "path"; readonly url: URL }
  /** `text` is for people. */
  | { readonly kind: "refused"; readonly status: number; readonly text: string };

const refused = (status: number, text: string): Judged => ({ kind: "refused", status, text });
const FOREIGN = "Another page asked for this one";

export function judge(asked: Asked, place: ConsolePlace): Judged {
  const { method, hosts, origin, fetchSite } = asked;
  const isPost = method === "POST";
  if (!isPost && method !== "GET" && method !== "HEAD") {
    return refused(405, "GET, HEAD and POST are understood here");
  }
  const [host = "", ...more] = hosts;
  if (more.length > 0 || !isOwnHost(host, place)) {
    return refused(421, "This is not a name of this console: see console.hostNames");
  }
  const own = `${place.scheme}://${host}`;
  if (isPost ? origin !== own : origin !== undefined && origin !== own) {
    return refused(403, FOREIGN);
  }
  if (isPost ? !isOurs(fetchSite) : !isOwnFetch(asked)) return refused(403, FOREIGN);
  const url = asked.target.startsWith("/") ? URL.parse(asked.target, own) : null;
  // `//other.example/` would be the path of another host.
  if (url === null || url.host !== new URL(own).host) return refused(400, "Not a path");
  return { kind: "path", url };
}

const isOurs = (site: string | undefined): boolean => site === undefined || site === "same-origin";

/** Whoever followed a link typed nothing wrong: what is shown then, the page with the link cannot read. */
function isOwnFetch({ fetchSite, fetchMode, fetchDest, origin }: Asked): boolean {
  if (isOurs(fetchSite) || fetchSite === "none") return true;
  return fetchMode === "navigate" && fetchDest === "document" && origin === undefined;
}
