/**
 * Which requests are answered (08 PL8): questions of this machine and of whoever `local.yaml` lets in, never those that a
 * foreign page makes a browser ask.
 *
 * Pure. Three ways in are closed: a name of somebody else's that was made to point here (DNS rebinding) shows in `Host`;
 * a page of somebody else's that asks shows in `Origin` and `Sec-Fetch-Site`; and nothing that is asked changes anything.
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

export type Judged =
  | { readonly kind: "path"; readonly path: string }
  /** `text` is for people. */
  | { readonly kind: "refused"; readonly status: number; readonly text: string };

export const METHODS = "GET, HEAD";

const refused = (status: number, text: string): Judged => ({ kind: "refused", status, text });

export function judge(asked: Asked, place: Place): Judged {
  if (asked.method !== "GET" && asked.method !== "HEAD") {
    return refused(405, "This page only shows: GET and HEAD");
  }
  const [host = "", ...more] = asked.hosts;
  if (more.length > 0 || !isOwnHost(host, place)) {
    return refused(421, "This is not the name of this machine: see statusPage.hostNames");
  }
  const { origin } = asked;
  if (origin !== undefined && origin !== `http://${host}`) {
    return refused(403, "Another page asked for this one");
  }
  if (!isOwnFetch(asked)) return refused(403, "Another page asked for this one");
  const [path = ""] = asked.target.split("?", 1);
  // Proxies ask with a whole address, and this is none.
  if (!path.startsWith("/")) return refused(400, "Not a path");
  return { kind: "path", path };
}

/** A browser says who asks. Whoever followed a link typed nothing wrong: what is shown then, the page with the link cannot read. */
function isOwnFetch({ fetchSite, fetchMode, fetchDest, origin }: Asked): boolean {
  if (fetchSite === undefined || fetchSite === "same-origin" || fetchSite === "none") return true;
  return fetchMode === "navigate" && fetchDest === "document" && origin === undefined;
}
