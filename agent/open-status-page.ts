/** The status page as `local.yaml` wants it; `undefined` where it is off. @module */
import type { LocalConfig } from "#config/local.ts";
import { isLoopback } from "#config/mllp-listener.ts";
import { StatusPage, type StatusPageOptions } from "./status-page/server.ts";

export function openStatusPage(
  { statusPage }: LocalConfig,
  parts: Omit<StatusPageOptions, "host" | "port" | "place">,
): StatusPage | undefined {
  if (statusPage === undefined) return undefined;
  const { host, port, hostNames } = statusPage;
  const names = [host, ...hostNames].map((name) => name.toLowerCase());
  const place = { isLoopback: isLoopback(host), hostNames: names };
  return StatusPage.open({ ...parts, host, port, place });
}
