/**
 * What looks after the running agent, and who is told: the last part to be opened and the first to be closed, so that
 * a stop is no alarm.
 *
 * @module
 */
import { hostname } from "node:os";
import type { LocalConfig } from "#config/local.ts";
import { Zone } from "#config/zoned-time.ts";
import { hourOf } from "#reconcile/hours.ts";
import { AlarmReport } from "./alarm-report.ts";
import { ChannelWatch } from "./channel-watch.ts";
import type { ConfigurationStatus } from "./configuration-desk.ts";
import { asideIn } from "./drill-look.ts";
import { identifierFrom } from "./errors.ts";
import type { Alarms } from "./health/alarms.ts";
import type { ChannelRecord } from "./health/channel-record.ts";
import type { Conditions } from "./health/conditions.ts";
import { systemClock } from "./host/clock.ts";
import type { Log } from "./host/log.ts";
import type { Tasks } from "./host/tasks.ts";
import { AlarmMail } from "./mail/alarm-mail.ts";
import { mailServer } from "./mail/mail-server.ts";
import { Maintenance } from "./maintenance.ts";
import { MaintenanceDesk } from "./maintenance-desk.ts";
import { OutageDrill, type OutageDrillParts } from "./outage-drill.ts";
import { isReservedChannel } from "./outbox/inbox/outcome-report.ts";
import type { Outbox } from "./outbox/outbox.ts";
import type { Recording } from "./recording.ts";
import { downstreamOf, upstreamOf } from "./running/channel-set.ts";
import type { RunningChannels } from "./running/running-channels.ts";
import type { AgentStatus } from "./status.ts";
import { STATUS_CHANNEL, sendRecord } from "./status-channel.ts";

export interface WatchParts {
  readonly outbox: Outbox;
  readonly recording: Recording;
  readonly alarms: Alarms;
  readonly running: RunningChannels;
  readonly conditions: Conditions;
  readonly config: LocalConfig;
  readonly log: Log;
  readonly tasks: Tasks;
  /** Held down by a drill. */
  readonly tunnel: OutageDrillParts["tunnel"];
  readonly status: () => Promise<AgentStatus>;
  readonly configuration: () => ConfigurationStatus | undefined;
}

const SCHEDULE = "note.silence.";
const MAILED = "note.alarmMail";
const CUSTODY = "note.kekCustody";
const MINUTE_MS = 60_000;
const DIGEST_SHOWN_LENGTH = 12;

export class Watch implements AsyncDisposable {
  readonly maintenance: MaintenanceDesk;
  readonly drill: OutageDrill;
  readonly #stack: AsyncDisposableStack;

  private constructor(
    { maintenance, drill }: { maintenance: MaintenanceDesk; drill: OutageDrill },
    stack: AsyncDisposableStack,
  ) {
    this.maintenance = maintenance;
    this.drill = drill;
    this.#stack = stack;
  }

  /** @throws {AgentError} `STORE_*` */
  static async open(parts: WatchParts): Promise<Watch> {
    await using stack = new AsyncDisposableStack();
    const { outbox, recording, alarms, conditions } = parts;
    const { trust } = outbox;
    const { values } = await trust.load();
    const maintenance = await Maintenance.open({
      ...{ trust, conditions, clock: systemClock, note: (draft) => recording.note([draft]) },
    });
    stack.use(maintenance);
    const drill = await openDrill(parts);
    stack.use(drill);
    await lookAtCustody(values.get(CUSTODY), parts);
    if (outbox.channels.some(({ name }) => name === STATUS_CHANNEL)) {
      const send = (record: Parameters<typeof sendRecord>[1]) => sendRecord(outbox, record);
      stack.use(new AlarmReport({ alarms, clock: systemClock, send }));
    }
    const mail = mailOf(values.get(MAILED), parts);
    if (mail !== undefined) stack.use(mail);
    stack.use(channelWatch(values, parts));
    // Before all others are closed: what they leave is no alarm.
    stack.use(alarms);
    const names = (): string[] => namesOf(parts.running);
    const desks = { maintenance: new MaintenanceDesk({ maintenance, names }), drill };
    return new Watch(desks, stack.move());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

function openDrill(parts: WatchParts): Promise<OutageDrill> {
  const { outbox, recording, conditions, log, tunnel, status, tasks } = parts;
  return OutageDrill.open({
    ...{ trust: outbox.trust, tunnel, status, conditions, clock: systemClock, log, tasks },
    aside: (sinceMs) =>
      asideIn(
        outbox.hours.pages({ fromHour: hourOf(sinceMs), toHour: hourOf(systemClock.nowMs()) + 1 }),
      ),
    note: (draft) => recording.note([draft]),
  });
}

const namesOf = ({ set }: RunningChannels): string[] => [
  ...upstreamOf(set).map(({ name }) => name),
  ...downstreamOf(set),
];

function channelWatch(values: ReadonlyMap<string, Uint8Array>, parts: WatchParts): ChannelWatch {
  const { outbox, recording, alarms, running, conditions, config, configuration } = parts;
  const zone = config.timeZone === undefined ? Zone.ofMachine() : new Zone(config.timeZone);
  const silent = alarms.open.filter(({ code }) => code === "channelSilent");
  const schedules = [...values].flatMap(([name, bytes]) =>
    name.startsWith(SCHEDULE) ? [[name.slice(SCHEDULE.length), bytes] as const] : [],
  );
  return new ChannelWatch({
    ...{ conditions, clock: systemClock, silenceFactor: config.silenceFactor },
    outboxAgeAlarmMs: config.outboxAgeAlarmMinutes * MINUTE_MS,
    hourOfWeekAt: (atMs) => zone.hourOfWeekAt(atMs),
    channels: () => [
      ...running.listeners.map(({ config: { name }, record }) => countsOf(name, record)),
      ...running.drops.map(({ name, record }) => countsOf(name, record)),
    ],
    waiting: async () => {
      const { channels } = await outbox.standing();
      return channels
        .filter(({ name }) => !isReservedChannel(name))
        .map(({ name, waiting, oldestWaitingAtMs }) => ({
          ...{ name, count: waiting.count, oldestWaitingAtMs },
        }));
    },
    siemWaitsSinceMs: () => recording.siemWaitsSinceMs(),
    waitsForApproval: () => {
      const newest = configuration()?.newest;
      if (newest?.state !== "AWAITING_APPROVAL") return undefined;
      return newest.digest.slice(0, DIGEST_SHOWN_LENGTH);
    },
    schedules: new Map(schedules),
    saveSchedule: (channel, bytes) =>
      outbox.trust.note({ values: new Map([[`${SCHEDULE}${channel}`, bytes]]) }),
    silent: new Set(silent.map(({ subject }) => subject)),
  });
}

function countsOf(name: string, { counters }: ChannelRecord) {
  return {
    ...{ name, received: counters.value("received") },
    repliesNegative: counters.value("repliesNegative"),
    repliesPositive: counters.value("repliesPositive"),
  };
}

function mailOf(mailed: Uint8Array | undefined, parts: WatchParts): AlarmMail | undefined {
  const { outbox, alarms, conditions, config, log } = parts;
  if (config.mail === undefined) return undefined;
  const position = mailed === undefined ? Number.NaN : Number(textOf(mailed));
  return new AlarmMail({
    ...{ alarms, conditions, log, clock: systemClock, least: config.mail.least },
    // Of what a person names it, only what a header and a Message-ID may hold.
    host: hostname().replaceAll(/[^A-Za-z0-9.-]/g, "-"),
    store: Buffer.from(outbox.storeId).toString("hex"),
    send: mailServer(config.mail),
    position: Number.isSafeInteger(position) ? position : undefined,
    reached: (number) =>
      outbox.trust.note({ values: new Map([[MAILED, Buffer.from(String(number))]]) }),
  });
}

/** 08 PL10: the strongest that this store was ever opened with counts. */
const CUSTODIES: readonly string[] = ["file", "dpapi", "credential"];

async function lookAtCustody(
  known: Uint8Array | undefined,
  { outbox, conditions, config }: WatchParts,
): Promise<void> {
  const { custody } = config.kek;
  const before = known === undefined ? "" : textOf(known);
  if (CUSTODIES.indexOf(custody) < CUSTODIES.indexOf(before)) {
    const facts = { custody: identifierFrom(custody), was: identifierFrom(before) };
    conditions.open("kekCustodyWeaker", "", facts, systemClock.nowMs());
  } else if (custody !== before) {
    await outbox.trust.note({ values: new Map([[CUSTODY, Buffer.from(custody)]]) });
  }
}

const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("utf8");
