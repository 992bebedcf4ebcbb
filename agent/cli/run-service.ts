/** `holdfast run --service`: the agent as Windows's service (09 SV11, SV12, SV17, SV18). @module */
import { loadLocalConfig } from "#config/local.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { systemClock } from "../host/clock.ts";
import { openLog } from "../host/log.ts";
import { LogFile } from "../host/log-file.ts";
import { openEventLog } from "../host/windows/event-log.ts";
import { hardenProcess } from "../host/windows/hardening.ts";
import { placesOf, SERVICE_NAME } from "../host/windows/names.ts";
import { openWindowsService } from "../host/windows/service-process.ts";
import { judgeInstallation } from "../service/windows/judgement.ts";
import { defectLine } from "./defect.ts";
import { explained } from "./explain.ts";
import { run } from "./run.ts";
import { eventOf } from "./windows-events.ts";

/** Beside as many processes as there are folders: one that hangs is not gone before the next is there. */
const PROCESSES_PER_FOLDER = 2;
/** Signed configuration may bring folders at any time. */
const FOLDERS_MAX = 64;

export async function runService(options: {
  readonly config: string;
  readonly version: string;
}): Promise<ExitCode> {
  const service = await openWindowsService(SERVICE_NAME, systemClock);
  const events = await openEventLog();
  const file = new LogFile(placesOf(options.config).logs);
  const log = openLog((line) => {
    file.write(line);
    const event = eventOf(line);
    if (event !== undefined) events.write(event.level, event.text);
  });
  const say = (text: string): void => {
    file.write(`${text}\n`);
    events.write("error", text);
  };
  let isTold = false;
  const end = (exit: number): void => {
    if (!isTold) service.stopped(exit);
    isTold = true;
  };
  // A defect ends the process at once; so much the manager and the administrator hear of it.
  process.once("exit", (code) => {
    if (!isTold && code !== 0) say(`holdfast: ended with exit code ${code}`);
    end(code);
  });
  const exit = await ended(say, async () => {
    for (const step of await hardenProcess(1 + processesFor(options.config))) {
      log.write("serviceWeakened", { step });
    }
    await judgeInstallation(options.config, process.execPath);
    const nobody = { socket: undefined, watchdogMicroseconds: undefined, watchdogPid: undefined };
    return await run({
      ...{ ...options, credentials: undefined, isJournal: false, manager: nobody },
      ...{ stop: service.stop, hangUp: service.hangUp, service: { manager: service, log } },
    });
  });
  // The dispatcher returns now, and ends the process.
  end(exit);
  return exit;
}

/** @throws {DocumentError} */
function processesFor(config: string): number {
  const { configSource, drops, folderSenders } = loadLocalConfig(config);
  const folders = configSource === "signed" ? FOLDERS_MAX : drops.length + folderSenders.length;
  return PROCESSES_PER_FOLDER * folders;
}

async function ended(say: (text: string) => void, act: () => Promise<ExitCode>): Promise<ExitCode> {
  try {
    return await act();
  } catch (error) {
    const known = explained(error);
    // The dispatcher keeps the process: thrown on, the error would leave it where it is.
    say(known === undefined ? defectLine(error) : known.lines.join("\n"));
    return known?.exit ?? EXIT.defect;
  }
}
