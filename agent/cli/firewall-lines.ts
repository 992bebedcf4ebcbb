/**
 * What a firewall has to let through, as one asks for it: a line for each connection of the configuration. No rule is made
 * (09 SV19). Pure.
 *
 * @module
 */
import type { LocalConfig } from "#config/local.ts";
import { isLoopback } from "#config/mllp-listener.ts";
import type { ChannelSet } from "../running/channel-set.ts";

export interface FirewallLine {
  /** `out` to the internet, `in` and `within` the hospital's network. */
  readonly direction: "out" | "in" | "within";
  readonly from: string;
  readonly to: string;
  /** `443/tcp`. */
  readonly port: string;
  readonly purpose: string;
}

/** What is asked about before there is a `local.yaml`, and what it says once there is one. */
export interface Outward extends Pick<LocalConfig, "siem" | "mail" | "statusPage"> {
  readonly receiver: Pick<LocalConfig["receiver"], "url" | "proxy">;
}

const AGENT = "this machine";

/** In the order in which a firewall team reads: the one way out first. */
export function firewallLines(outward: Partial<Outward>, set: Partial<ChannelSet>): FirewallLine[] {
  const { receiver, siem, mail, statusPage } = outward;
  const { channels = [], senders = [], drops = [], folderSenders = [] } = set;
  const page = statusPage === undefined || isLoopback(statusPage.host) ? [] : [statusPage];
  return [
    ...(receiver === undefined ? [] : wayOut(receiver)),
    ...channels.filter(({ host }) => !isLoopback(host)).flatMap(listenerLines),
    ...page.map(({ host, port }) => inward("browsers of IT", host, port, "status page")),
    ...senders
      .filter(({ host }) => !isLoopback(host))
      .map(({ host, port, name }) => within(host, `${port}/tcp`, `channel ${name}, to it`)),
    ...(drops.length + folderSenders.length === 0
      ? []
      : [within("file servers, if folders are on shares", "445 or 2049/tcp", "files")]),
    within("DNS servers", "53/udp, 53/tcp", "names"),
    within("time servers", "123/udp", "the clock"),
    ...(siem === undefined
      ? []
      : [within(siem.host, `${siem.port}/tcp`, "audit, syslog over TLS")]),
    ...(mail === undefined ? [] : [within(mail.host, `${mail.port}/tcp`, "mail about alarms")]),
    { direction: "in", from: "the internet", to: AGENT, port: "none", purpose: "nothing comes in" },
  ];
}

function wayOut({ url, proxy }: Outward["receiver"]): FirewallLine[] {
  const to = placeOf(url, "443");
  const purpose = "the tunnel: TLS 1.3 with certificates on both sides, exempt from inspection";
  if (proxy === undefined) {
    return [{ direction: "out", from: AGENT, to: to.host, port: `${to.port}/tcp`, purpose }];
  }
  const through = placeOf(proxy, "80");
  const asked = `HTTP CONNECT to ${to.host}:${to.port}`;
  return [
    within(through.host, `${through.port}/tcp`, asked),
    { direction: "out", from: through.host, to: to.host, port: `${to.port}/tcp`, purpose },
  ];
}

function listenerLines({
  name,
  host,
  port,
  allow,
  tls,
}: ChannelSet["channels"][number]): FirewallLine[] {
  const how = tls === undefined ? "MLLP" : "MLLP over TLS";
  return allow.map((source) => inward(source, host, port, `channel ${name}, ${how}`));
}

const inward = (from: string, host: string, port: number, purpose: string): FirewallLine => ({
  ...({ direction: "in", from } as const),
  to: `${AGENT} (${host})`,
  port: `${port}/tcp`,
  purpose,
});

const within = (to: string, port: string, purpose: string): FirewallLine => ({
  ...({ direction: "within", from: AGENT, to, port, purpose } as const),
});

function placeOf(url: string, usual: string): { readonly host: string; readonly port: string } {
  const { hostname, port } = new URL(url);
  return { host: hostname.replace(/^\[|\]$/g, ""), port: port === "" ? usual : port };
}
