/**
 * `holdfast doctor --machine`: what machine this is, for the change request and for support. A person reads it here, and
 * sends it along or not, for texts that we did not write never leave in a bundle (08 5.2); names, serial numbers and
 * addresses of the machine are not asked for.
 *
 * The library starts programs of the system (08 7): it is loaded for this question alone, and never by the service (H14).
 *
 * @module
 */
import type { Systeminformation } from "systeminformation";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { type Clock, systemClock } from "../host/clock.ts";
import { escaped, printFacts, readableBytes, table } from "./terminal.ts";

/** 08 7: for each question. Windows takes a second for some. */
const ANSWER_MS = 3_000;
const TEXT_MAX_LENGTH = 200;

/** What the library is asked. */
export interface Inventory {
  osInfo(): Promise<Systeminformation.OsData>;
  system(): Promise<Systeminformation.SystemData>;
  cpu(): Promise<Systeminformation.CpuData>;
  mem(): Promise<Systeminformation.MemData>;
  blockDevices(): Promise<Systeminformation.BlockDevicesData[]>;
  time(): Systeminformation.TimeData;
}

export async function doctorMachine({ json }: { readonly json: boolean }): Promise<ExitCode> {
  const found = await lookAtMachine(await import("systeminformation"), systemClock);
  printFacts(json, { machine: found }, () => table(Object.entries(found)));
  return EXIT.ok;
}

/** @returns by name; what the system does not say within its time is "not known" */
export async function lookAtMachine(
  ask: Inventory,
  clock: Pick<Clock, "after">,
  answerMs = ANSWER_MS,
): Promise<Readonly<Record<string, string>>> {
  const questions: Readonly<Record<string, () => Promise<string>>> = {
    "operating system": async () => {
      const { distro, release, kernel, arch } = await ask.osInfo();
      return [distro, release, kernel, arch].filter(Boolean).join(" ");
    },
    hardware: async () => {
      const { manufacturer, model, virtual, virtualHost } = await ask.system();
      const host = virtual ? `virtual${virtualHost ? ` (${virtualHost})` : ""}` : "";
      return [manufacturer, model, host].filter(Boolean).join(" ");
    },
    processor: async () => {
      const { manufacturer, brand, cores } = await ask.cpu();
      return `${manufacturer} ${brand}, ${cores} cores`;
    },
    memory: async () => {
      const { total, available, swaptotal } = await ask.mem();
      return `${readableBytes(total)}, ${readableBytes(available)} available, swap ${readableBytes(swaptotal)}`;
    },
    disks: async () => {
      const all = await ask.blockDevices();
      const disks = all.filter(({ type, size }) => type === "disk" && size > 0);
      return disks.map(({ size, physical }) => `${readableBytes(size)} ${physical}`).join(", ");
    },
    "time zone": async () => ask.time().timezoneName,
  };
  const found: Record<string, string> = {};
  for (const [name, question] of Object.entries(questions)) {
    const text = await answered(question, clock, answerMs);
    found[name] = text === "" ? "not known" : escaped(text).slice(0, TEXT_MAX_LENGTH);
  }
  return found;
}

/** @returns empty if there is no answer in time: the machine is described as far as it lets itself be */
async function answered(
  question: () => Promise<string>,
  clock: Pick<Clock, "after">,
  answerMs: number,
): Promise<string> {
  const late = Promise.withResolvers<string>();
  using _limit = clock.after(answerMs, () => late.resolve(""));
  try {
    return (await Promise.race([question(), late.promise])).trim();
  } catch {
    return "";
  }
}
