/** The hosts that configuration or `local.yaml` names: a probe may ask about these, by index, and no other (08 4.4, X8). @module */
import type { LocalConfig } from "#config/local.ts";
import type { ProbeHost } from "./control/facts.ts";
import type { ChannelSet } from "./running/channel-set.ts";

const PORT_OF: Readonly<Record<string, number>> = { "wss:": 443, "http:": 80 };

export function probeHosts(config: LocalConfig, { senders }: ChannelSet): ProbeHost[] {
  const { receiver, siem } = config;
  return [
    { ...ofUrl(receiver.url), use: "receiver" },
    ...(receiver.proxy === undefined ? [] : [{ ...ofUrl(receiver.proxy), use: "proxy" } as const]),
    ...(siem === undefined ? [] : [{ host: siem.host, port: siem.port, use: "siem" } as const]),
    ...senders.map(
      ({ host, port, name }): ProbeHost => ({
        ...{ host, port, use: "destination", channel: name },
      }),
    ),
  ];
}

function ofUrl(text: string): { readonly host: string; readonly port: number } {
  const { hostname, port, protocol } = new URL(text);
  const host = hostname.replace(/^\[|\]$/g, "");
  return { host, port: port === "" ? (PORT_OF[protocol] ?? 0) : Number(port) };
}
