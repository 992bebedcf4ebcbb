/** `holdfast support …`: what support may ask, and what left (08 4.2 to 4.3, 5.4). @module */
import { loadLocalConfig } from "#config/local.ts";
import { SupportSwitch } from "../control/support-switch.ts";
import { AgentError } from "../errors.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import type { SentLine, ShownCopy, SupportStatus } from "../support-desk.ts";
import type { SupportAnswer } from "../support-questions.ts";
import { question } from "./question.ts";
import { escaped, printFacts, table } from "./terminal.ts";

interface Common {
  readonly config: string;
  readonly json: boolean;
}

export async function supportStatus(options: Common): Promise<ExitCode> {
  return await shown(options, { ask: "supportStatus" });
}

/** Also where no agent runs: the switch is a file, and counts from its next start. */
export async function supportOff(options: Common): Promise<ExitCode> {
  try {
    return await shown(options, { ask: "supportOff" });
  } catch (error) {
    if (!(error instanceof AgentError) || error.code !== "AGENT_NOT_RUNNING") throw error;
    new SupportSwitch(loadLocalConfig(options.config).stateDir).off();
    printFacts(options.json, { isOff: true }, () => ["support: OFF, from the next start on"]);
    return EXIT.ok;
  }
}

export const supportOn = (options: Common): Promise<ExitCode> =>
  shown(options, { ask: "supportOn" });

export const supportOpen = (
  options: Common & { readonly hours: number; readonly ticket: string },
): Promise<ExitCode> => {
  const { hours, ticket } = options;
  return shown(options, { ask: "supportOpen", hours, ticket });
};

export const supportClose = (options: Common): Promise<ExitCode> =>
  shown(options, { ask: "supportClose" });

/** What was asked, and what left, oldest first. */
export async function supportList(options: Common & { readonly limit: number }): Promise<ExitCode> {
  const { limit, json } = options;
  const lines: SentLine[] = [];
  for (let beforeId = Number.MAX_SAFE_INTEGER; lines.length < limit; ) {
    const page = await asked<SentLine[]>(options, { ask: "supportList", beforeId });
    lines.push(...page);
    const last = page.at(-1);
    if (last === undefined || last.id === 1) break;
    beforeId = last.id;
  }
  const found = lines.slice(0, limit).reverse();
  printFacts(json, found, () => listLines(found));
  return EXIT.ok;
}

function listLines(lines: readonly SentLine[]): string[] {
  if (lines.length === 0) return ["Nothing has left, and nothing was asked"];
  return table([
    ["number", "when", "what", "who", "ticket", "result", "bytes", "sha256 of what left"],
    ...lines.map(({ id, at, op, by, ticket, result, bytes, sent, state }) =>
      [`${id}`, at, op, by, ticket, result ?? state, `${bytes}`, sent ?? "-"].map(escaped),
    ),
  ]);
}

/** The answer, as it left or before it was sealed: on standard output, byte for byte. */
export async function supportShow(options: Common & { readonly id: number }): Promise<ExitCode> {
  const found = await asked<ShownCopy>(options, { ask: "supportShow", id: options.id });
  if (options.json) console.log(JSON.stringify(found));
  else process.stdout.write(Buffer.from(found.base64, "base64"));
  return EXIT.ok;
}

async function shown(options: Common, request: object): Promise<ExitCode> {
  const status = await asked<SupportStatus>(options, request);
  printFacts(options.json, status, () => supportLines(status));
  return EXIT.ok;
}

/** What may be asked now, in words. */
export function supportLines(status: SupportStatus): string[] {
  const { isReachable, isEnabled, isOff, consentLevel, window, windowMaxHours } = status;
  const { releaseMode, sentCopyDays } = status;
  const allowed = isEnabled
    ? isOff
      ? "OFF: nothing is answered (holdfast support on)"
      : LEVELS[consentLevel]
    : "OFF by policy.support.enabled: nothing is answered";
  return [
    `support: ${isReachable ? allowed : "nobody can ask: this agent was not enrolled"}`,
    ...(window === undefined
      ? []
      : [`  a window is open until ${window.endsAt}, ticket ${escaped(window.ticket)}`]),
    ...status.waiting.map(
      ({ digest, op, channel, by, until }) =>
        `  ${escaped(by)} asks for ${op} ${escaped(channel)}: holdfast config approve ${digest}, until ${until}`,
    ),
    `  windows last ${windowMaxHours} h at most; bundles ${releaseMode === "hold" ? "wait for bundle preview ID --release" : "leave by themselves"}; copies are kept for ${sentCopyDays} days`,
  ];
}

const LEVELS: readonly string[] = [
  "level 0: counters and states",
  "level 1: also structure and redacted configuration; you are told each time",
  "level 2: also logs and probes, while a window is open (holdfast support open)",
];

async function asked<T>(options: Common, request: object): Promise<T> {
  const { stateDir } = loadLocalConfig(options.config);
  const answer = (await question(stateDir, request)) as SupportAnswer<T>;
  if ("fault" in answer) throw new AgentError(answer.fault.code, answer.fault.facts);
  return answer.done;
}
