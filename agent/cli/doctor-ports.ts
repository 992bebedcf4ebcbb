/** Each port that the agent will open: whether it is free, who has it if not, and whether the service may (09 SV7). @module */
import type { LocalConfig } from "#config/local.ts";
import { isEveryInterface, isLoopback } from "#config/mllp-listener.ts";
import { type AgentError, ERROR_CATALOGUE, identifierFrom } from "../errors.ts";
import { firstUnprivilegedPort, type Holder, holderOf } from "../host/listening.ts";
import { type PortToTry, tryPorts } from "../ingest/mllp/port-trial.ts";
import type { ChannelSet } from "../running/channel-set.ts";
import type { Findings } from "./doctor-way.ts";
import { type Finding, fault, notice, ok, problem } from "./finding.ts";
import { escaped } from "./terminal.ts";

/** systemd itself: with a socket unit, it listens. */
const SYSTEMD_PID = 1;

/** What is known of a port that was opened for a moment. */
export interface PortLook {
  readonly host: string;
  readonly port: number;
  /** What that ended with. */
  readonly error: AgentError | undefined;
  /** Who has it, if somebody has. */
  readonly holder: Holder | undefined;
  /** Of the agent that runs on this configuration. */
  readonly agentPid: number | undefined;
  /** Ports below it are for systemd to open. */
  readonly firstOpen: number;
}

/** @param agentPid of the agent that runs on this configuration */
export async function lookAtPorts(
  { channels }: Pick<ChannelSet, "channels">,
  statusPage: LocalConfig["statusPage"],
  agentPid: number | undefined,
): Promise<Findings> {
  const places: PortToTry[] = channels.map(({ name, host, port }) => ({
    ...{ channel: name, host, port },
  }));
  if (statusPage !== undefined) places.push({ channel: "status-page", ...statusPage });
  const firstOpen = firstUnprivilegedPort();
  const rows = places.map(async (place) => {
    const { channel, host, port } = place;
    const [refused] = await tryPorts([place]);
    const error = refused?.fault;
    const holder = error?.code === "LISTEN_PORT_IN_USE" ? holderOf(port) : undefined;
    const look = { host, port, error, holder, agentPid, firstOpen };
    return [channel, judgePort(look)] as const;
  });
  return Object.fromEntries(await Promise.all(rows));
}

/** Pure. */
export function judgePort(look: PortLook): Finding {
  const { host, port, holder, agentPid, firstOpen, error } = look;
  const where = `${escaped(host)} port ${port}`;
  const facts = { port };
  if (error?.code === "LISTEN_PORT_IN_USE") return judgeHolder(where, port, holder, agentPid);
  if (port !== 0 && port < firstOpen) {
    const remedy = `The service may not open ports below ${firstOpen}: put ListenStream=${listenStream(host, port)} into holdfast.socket`;
    return notice(`${where}: free, and below ${firstOpen}`, facts, remedy);
  }
  if (error !== undefined) {
    return {
      ...fault(error.code, error.facts),
      text: `${where}: ${ERROR_CATALOGUE[error.code].summary} [${error.code}]`,
    };
  }
  const whom = isLoopback(host)
    ? ", for this machine alone"
    : isEveryInterface(host)
      ? ", on every interface"
      : "";
  return ok(`${where}: free${whom}`, facts);
}

function judgeHolder(
  where: string,
  port: number,
  holder: Holder | undefined,
  agentPid: number | undefined,
): Finding {
  const { pid, name } = holder ?? {};
  const facts = { port, ...(pid === undefined ? {} : { pid }) };
  if (pid !== undefined && pid === agentPid) return ok(`${where}: the agent listens`, facts);
  if (pid === SYSTEMD_PID) return ok(`${where}: systemd listens, for a socket unit`, facts);
  if (pid === undefined && agentPid !== undefined) {
    const remedy = `Root sees whose it is: ${asking(port)}`;
    return notice(`${where}: taken, most likely by the agent that runs`, facts, remedy);
  }
  const who =
    pid === undefined
      ? "a process of another account"
      : `process ${pid}${name === undefined ? "" : ` (${escaped(name)})`}`;
  const again = pid === undefined ? `; root sees whose it is: ${asking(port)}` : "";
  return problem(
    `${where}: taken by ${who}`,
    { ...facts, code: identifierFrom("LISTEN_PORT_IN_USE") },
    `Stop it, or give the channel another port${again}`,
  );
}

/** Of the system: doctor looks as the service's account, which is not shown what others hold. */
const asking = (port: number): string => `ss -ltnp 'sport = :${port}'`;

/** As systemd.socket(5) writes it. */
const listenStream = (host: string, port: number): string =>
  host.includes(":") ? `[${host}]:${port}` : `${host === "localhost" ? "127.0.0.1" : host}:${port}`;
