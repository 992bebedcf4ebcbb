/**
 * `holdfast doctor`: whether this machine is fit for the agent, and whether the receiver is reached from it, before and
 * after it is installed (05 S4, 08 8). Without a `local.yaml` it is a pre-flight.
 *
 * A check looks, and changes nothing: files that it makes are gone when it is done. It starts no program but workers for
 * folders and, where systemd keeps the service, its `systemd-analyze`; asked by root, itself (`doctor-as-owner.ts`). Whatever may wait for another machine has a limit, so that all of it takes 30 s at most: 15 for the way to the
 * receiver and beside it for folders, 5 for names, 5 for the disk.
 *
 * @module
 */
import { DocumentError } from "#config/document.ts";
import { type LocalConfig, loadLocalConfig } from "#config/local.ts";
import { codeOf } from "../errors.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { CLOCK_SKEW_ALARM_MS } from "../limits.ts";
import type { ChannelSet } from "../running/channel-set.ts";
import { bareHost, openProxy } from "../tunnel/proxy.ts";
import { lookAtClock } from "./doctor-clock.ts";
import {
  lookAtFileSystem,
  lookAtFiles,
  lookAtFlush,
  lookAtFolder,
  lookAtSpace,
  type StorePlace,
  storePlace,
  USUAL_STORE,
} from "./doctor-disk.ts";
import { lookAtFitness } from "./doctor-fitness.ts";
import { lookAtFolders } from "./doctor-folders.ts";
import { lookAtAgent, lookAtKey, lookAtKeys } from "./doctor-keys.ts";
import { lookAtNames } from "./doctor-names.ts";
import { lookAtPorts } from "./doctor-ports.ts";
import { lookAtReceiver, ofEnvironment } from "./doctor-receiver.ts";
import { type Looks, Report } from "./doctor-report.ts";
import { lookAtRights } from "./doctor-rights.ts";
import { lookAtService } from "./doctor-service.ts";
import { lookAtDatabase, lookAtIdentity } from "./doctor-store.ts";
import { lookAtStranger } from "./doctor-way.ts";
import { type Finding, notice, problem } from "./finding.ts";
import { firewallLines } from "./firewall-lines.ts";
import { joined, runningSet } from "./running-set.ts";
import { escaped, printFacts } from "./terminal.ts";
import { within } from "./within.ts";

/** Of an agent that runs, for its channels. */
const ANSWER_MS = 3_000;

/** Of the receiver, where there is no `local.yaml` that names it. */
export interface WayAsked {
  /** `wss://HOST[:PORT]`. */
  readonly url: string;
  /** `http://HOST:PORT`. */
  readonly proxy?: string | undefined;
}

export interface DoctorOptions {
  readonly config: string;
  readonly json: boolean;
  /** `$CREDENTIALS_DIRECTORY`, which systemd sets in a service that is given credentials. */
  readonly creds: string | undefined;
  /** Variables of the environment that other programs take a proxy or a CA from, by name. */
  readonly ignored?: readonly string[];
  /** Look at the way there, whatever `local.yaml` says. */
  readonly receiver?: WayAsked | undefined;
  /** A file that gets all of it as one page to print. */
  readonly page?: string | undefined;
  /** Of this program; on the page. */
  readonly version: string;
}

/**
 * @returns 0 if there is no problem, with or without notices and warnings; 78 if a person must act before the agent runs;
 *   69 if `receiver` was asked about and did not answer
 * @throws {AgentError} `FILE_EXISTS`, `FILE_NOT_WRITABLE` for the page
 */
export async function doctor(options: DoctorOptions): Promise<ExitCode> {
  const report = new Report();
  const config = options.receiver === undefined ? configurationOf(options.config) : undefined;
  const isSet = config !== undefined && "stateDir" in config;
  const isReached = isSet
    ? await lookAtSite(config, options, report)
    : await lookBefore(options, report, config);
  if (options.page !== undefined) {
    const { writePage } = await import("./doctor-page.ts");
    writePage(options.page, report, options.version);
  }
  printFacts(options.json, report.facts, () => report.lines());
  if (report.has("problem")) return EXIT.configuration;
  return options.receiver !== undefined && !isReached ? EXIT.unavailable : EXIT.ok;
}

/** @returns why there is none, for a person */
function configurationOf(file: string): LocalConfig | Finding {
  try {
    return loadLocalConfig(file);
  } catch (error) {
    if (!(error instanceof DocumentError)) throw error;
    if (codeOf(error.cause) === "ENOENT") {
      const remedy = "Before installation try the way, too: holdfast doctor --receiver HOST:PORT";
      return notice(`${escaped(file)}: not there yet`, { exists: false }, remedy);
    }
    const [first] = error.problems;
    const more = error.problems.length > 1 ? `, and ${error.problems.length - 1} more` : "";
    const text = `${escaped(file)}:${first?.line}:${first?.column}: ${escaped(first?.message ?? "")}`;
    return problem(`${text}${more}`, {}, "See all of them: holdfast config check");
  }
}

/** Once there is a `local.yaml`. @returns whether the receiver answered */
async function lookAtSite(
  config: LocalConfig,
  { config: file, creds, ignored = [] }: DoctorOptions,
  report: Report,
): Promise<boolean> {
  const running = await within(ANSWER_MS, runningSet(config.stateDir), undefined);
  const set = joined(config, running);
  const place = storePlace(config);
  // First, and beside each other: what follows stands still while it measures the disk.
  const [way, folders] = await Promise.all([
    lookAtReceiver(config, ignored, creds),
    lookAtFolders(set),
  ]);
  report.firewall = firewallLines(config, set);
  await report.lookAll("configuration", async () => lookAtRights(file, config));
  const through = [...set.drops, ...set.folderSenders].map(({ folder }) => folder);
  await report.lookAll("machine", () => lookAtFitness(config.timeZone, place.where, through));
  await report.look("store", storeLooks(place, config, creds));
  const agentPid = report.checks.find(({ name }) => name === "agent")?.facts.pid;
  await report.lookAll("ports", () =>
    lookAtPorts(set, config.statusPage, agentPid === undefined ? undefined : Number(agentPid)),
  );
  report.add("folders", folders);
  report.add("receiver", way.findings);
  await report.lookAll("service", () => lookAtService(config, set));
  await report.lookAll("names", () => lookAtNames(hostsOf(config, set)));
  const alarmMs = config.clockSkewAlarmMinutes * 60_000;
  await report.lookAll("clock", () => lookAtClock(way.aheadMs, alarmMs));
  return way.isReached;
}

const diskLooks = (place: StorePlace): Looks => ({
  folder: () => lookAtFolder(place),
  "file system": () => lookAtFileSystem(place),
  space: () => lookAtSpace(place),
  flush: () => lookAtFlush(place),
});

const storeLooks = (place: StorePlace, config: LocalConfig, creds: string | undefined): Looks => ({
  ...diskLooks(place),
  key: () => lookAtKey(config, creds),
  "key files": () => lookAtKeys(config, creds),
  database: () => lookAtDatabase(place.outbox),
  identity: () => lookAtIdentity(place.outbox),
  agent: () => lookAtAgent(config),
  files: () => lookAtFiles(place),
});

/** Before there is a `local.yaml`, or beside it. @returns whether the receiver answered */
async function lookBefore(
  { receiver, ignored = [] }: DoctorOptions,
  report: Report,
  configuration: Finding | undefined,
): Promise<boolean> {
  const proxy = receiver?.proxy === undefined ? undefined : openProxy({ url: receiver.proxy });
  const way = receiver && (await lookAtStranger({ receiverUrl: new URL(receiver.url), proxy }));
  report.firewall = firewallLines(receiver === undefined ? {} : { receiver }, {});
  if (configuration !== undefined) report.add("configuration", { "local.yaml": configuration });
  const place = storePlace(USUAL_STORE);
  await report.lookAll("machine", () => lookAtFitness(undefined, place.where, []));
  await report.look("store", diskLooks(place));
  const environment = ofEnvironment(proxy !== undefined, ignored);
  report.add("receiver", { environment, ...way?.findings });
  const hosts = receiver === undefined ? [] : [hostOf(receiver)];
  await report.lookAll("names", () => lookAtNames(hosts));
  await report.lookAll("clock", () => lookAtClock(way?.aheadMs, CLOCK_SKEW_ALARM_MS));
  return way?.isReached === true;
}

/** With a proxy the receiver's name is the proxy's to find out. */
const hostOf = ({ url, proxy = url }: WayAsked): string => bareHost(new URL(proxy).hostname);

/** Whom the agent asks for by name. */
function hostsOf({ receiver, siem, mail }: LocalConfig, { senders }: ChannelSet): string[] {
  return [
    hostOf(receiver),
    ...(siem === undefined ? [] : [siem.host]),
    ...(mail === undefined ? [] : [mail.host]),
    ...senders.map(({ host }) => host),
  ];
}
