/** `holdfast service …` on Linux: what it did, in words or JSON (09 2.1, SV8, PK21). @module */
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { DocumentError } from "#config/document.ts";
import { loadLocalConfig } from "#config/local.ts";
import { ownFile } from "#packaged/own-files.ts";
import { ownProgram } from "#packaged/own-program.ts";
import { AgentError } from "../errors.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import * as control from "../service/linux/control.ts";
import { CREDENTIAL_FILE } from "../service/linux/credential.ts";
import { install, refuseUnlessOurs } from "../service/linux/install.ts";
import { uninstall } from "../service/linux/uninstall.ts";
import {
  LOGS,
  SERVICE,
  SERVICE_ACCOUNT,
  SERVICE_CONFIG,
  SYSTEM_CONFIGURATION,
} from "../service/linux/unit-places.ts";
import { escaped, printFacts } from "./terminal.ts";
import { unsettledCount } from "./unsettled.ts";

export interface ServiceOptions {
  readonly json: boolean;
}

const DEFAULT_STATE_DIR = "/var/lib/holdfast";

export async function serviceInstall({ json }: ServiceOptions): Promise<ExitCode> {
  const shipped = (name: string): Uint8Array => ownFile(SHIPPED[name] ?? new URL("file:///none"));
  const done = await install(ownProgram(), shipped);
  printFacts(json, done, () => [
    ...done.placed.map(({ path, was }) => `${WORDS[was]} ${path}`),
    "The account holdfast and its folders are there; the service starts with the machine.",
    done.configured
      ? "Next: holdfast service start"
      : "Next: holdfast init, as root; then it says how to go on",
  ]);
  return EXIT.ok;
}

/** Each written out: the build finds them so. */
const SHIPPED: Readonly<Record<string, URL>> = {
  "holdfast-rekey.service": new URL(
    "../../installer/linux/holdfast-rekey.service",
    import.meta.url,
  ),
  "holdfast-rekey.timer": new URL("../../installer/linux/holdfast-rekey.timer", import.meta.url),
  "holdfast.service": new URL("../../installer/linux/holdfast.service", import.meta.url),
  "holdfast.socket": new URL("../../installer/linux/holdfast.socket", import.meta.url),
  "sysusers.conf": new URL("../../installer/linux/sysusers.conf", import.meta.url),
  "tmpfiles.conf": new URL("../../installer/linux/tmpfiles.conf", import.meta.url),
};
const WORDS = { placed: "Placed", kept: "As it was:", left: "Left, for it is not ours:" } as const;

export async function serviceUninstall({ json }: ServiceOptions): Promise<ExitCode> {
  refuseUnlessOurs();
  // Before the program goes, which can count them.
  const rest = await whatRemains();
  const removed = uninstall();
  printFacts(json, { removed, ...rest }, () => [
    ...removed.map((path) => `Removed ${path}`),
    ...remainLines(rest),
  ]);
  return EXIT.ok;
}

/** For the packages of systems, too: asked before the program is removed. */
export async function serviceRemains({ json }: ServiceOptions): Promise<ExitCode> {
  const rest = await whatRemains();
  printFacts(json, rest, () => remainLines(rest));
  return EXIT.ok;
}

interface Remains {
  readonly stateDir: string;
  readonly unsettled: number | undefined;
  /** What there is that no removal touches. */
  readonly paths: readonly string[];
}

async function whatRemains(): Promise<Remains> {
  const stateDir = stateDirOf();
  const unsettled = await unsettledCount(stateDir);
  const dropIns = `${SYSTEM_CONFIGURATION}/${SERVICE}.d`;
  const all = [stateDir, dirname(SERVICE_CONFIG), CREDENTIAL_FILE, dropIns, LOGS];
  return {
    ...{ stateDir, unsettled: unsettled === undefined ? undefined : Number(unsettled) },
    paths: all.filter((path) => existsSync(path)),
  };
}

/** Also where `local.yaml` cannot be used any more. */
function stateDirOf(): string {
  try {
    return loadLocalConfig(SERVICE_CONFIG).stateDir;
  } catch (error) {
    if (error instanceof DocumentError || error instanceof AgentError) return DEFAULT_STATE_DIR;
    throw error;
  }
}

function remainLines({ stateDir, unsettled, paths }: Remains): string[] {
  if (paths.length === 0) return ["Nothing remains"];
  const count = unsettled === undefined ? "an unknown number of" : unsettled.toString();
  const shown = paths.map((path) => escaped(path)).join(" ");
  return [
    `What remains: ${shown}`,
    `  In ${escaped(stateDir)} there are ${count} messages that are not settled. They open with the key alone,`,
    "  which remains as well. To delete all of it for good:",
    `  rm -rf ${shown}; userdel ${SERVICE_ACCOUNT}`,
  ];
}

export function serviceStart({ json }: ServiceOptions): ExitCode {
  return told(control.start(), json, "The service runs, and is ready");
}

export function serviceRestart({ json }: ServiceOptions): ExitCode {
  return told(control.restart(), json, "The service was started anew, and is ready");
}

export function serviceStop({ json }: ServiceOptions): ExitCode {
  return told(
    control.stop(),
    json,
    "The service does not run; what is stored waits for its next start",
  );
}

function told(state: control.ServiceState, json: boolean, line: string): ExitCode {
  printFacts(json, state, () => [line]);
  return EXIT.ok;
}

/** @returns 69 unless it runs */
export function serviceStatus({ json }: ServiceOptions): ExitCode {
  const state = control.serviceState();
  printFacts(json, state, () => statusLines(state));
  return state.service.active === "active" ? EXIT.ok : EXIT.unavailable;
}

function statusLines({ service, socket }: control.ServiceState): string[] {
  const { active, enabled, pid, result, exitCode, restarts, unit } = service;
  const doing = ACTIVITY[active] ?? escaped(active);
  const isFailed = active === "failed" || result !== "success";
  return [
    pid === 0 ? `The service ${doing}` : `The service ${doing} as process ${pid}`,
    enabled
      ? "  It starts with the machine"
      : "  It does not start with the machine: systemctl enable holdfast",
    ...(restarts === 0 ? [] : [`  systemd has started it anew ${restarts} times`]),
    ...(isFailed ? failureLines(result, exitCode) : []),
    ...(existsSync(SERVICE_CONFIG)
      ? []
      : ["  There is nothing to run yet: holdfast init, as root"]),
    socket.active === "active"
      ? "  Its ports are held by holdfast.socket"
      : `  It opens its ports itself${socket.active === "failed" ? ": holdfast.socket has failed" : ""}`,
    `  Unit: ${escaped(unit)}`,
  ];
}

const ACTIVITY: Readonly<Record<string, string>> = {
  active: "runs",
  activating: "is starting, or waits to be started anew",
  deactivating: "is stopping",
  failed: "has failed, and is not started anew",
  inactive: "does not run",
};

function failureLines(result: string, exitCode: number): string[] {
  const why = EXIT_WORDS[exitCode];
  return [
    `  The last time it ended with ${escaped(result)}, exit ${exitCode}${why === undefined ? "" : `: ${why}`}`,
    "  It says why in its journal: journalctl -u holdfast -n 50",
  ];
}

/** README, exit codes. */
const EXIT_WORDS: Readonly<Record<number, string>> = {
  [EXIT.usage]: "the unit starts it with options that it does not have",
  [EXIT.unavailable]: "something that it needs is not there",
  [EXIT.defect]: "a defect, or a store that cannot go on",
  [EXIT.tryAgain]: "another process has the store open",
  [EXIT.notPermitted]: "rights: a person must act",
  [EXIT.configuration]: "configuration, key or identity: a person must act",
  // systemd's own (systemd.exec(5), EXIT_CREDENTIALS): the agent was not started.
  243: "systemd cannot open the credential of the key; it tries again until that is back",
};
