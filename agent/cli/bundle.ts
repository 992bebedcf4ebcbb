/** `holdfast bundle create` and `preview`: what a bundle holds, exactly as it would leave (08 5.4). @module */
import { loadLocalConfig } from "#config/local.ts";
import { AgentError } from "../errors.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import type { ShownCopy } from "../support-desk.ts";
import type { SupportAnswer } from "../support-questions.ts";
import { question } from "./question.ts";

interface Common {
  readonly config: string;
  readonly json: boolean;
}

/** Made for the caller alone, and sent to nobody. */
export async function bundleCreate(
  options: Common & { readonly parts?: readonly string[] | undefined },
): Promise<ExitCode> {
  const { parts } = options;
  const chosen = parts === undefined ? {} : { parts };
  const found = await asked(options, { ask: "bundleCreate", ...chosen });
  return print(options, found, `bundle ${found.id}: kept here, and sent to nobody`);
}

/** The text as it left, or would leave. With `release` it leaves. */
export async function bundlePreview(
  options: Common & { readonly id: number; readonly release: boolean },
): Promise<ExitCode> {
  const { id, release } = options;
  const found = await asked(options, { ask: release ? "bundleRelease" : "supportShow", id });
  const said = release ? "it leaves now, sealed" : SAID[found.state];
  return print(options, found, `bundle ${found.id}: ${said ?? found.state}`);
}

const SAID: Readonly<Record<string, string>> = {
  held: "waits: holdfast bundle preview NUMBER --release lets it leave",
  owed: "has left, sealed; the receiver has not confirmed it",
  done: "has left, sealed",
  local: "kept here, and sent to nobody",
};

/** The text to standard output, byte for byte; the rest to standard error. */
function print({ json }: Common, found: ShownCopy, said: string): ExitCode {
  if (json) console.log(JSON.stringify(found));
  else {
    process.stdout.write(Buffer.from(found.base64, "base64"));
    console.error(`${said}\nsha256 ${found.sha256}`);
  }
  return EXIT.ok;
}

async function asked(options: Common, request: object): Promise<ShownCopy> {
  const { stateDir } = loadLocalConfig(options.config);
  const answer = (await question(stateDir, request)) as SupportAnswer<ShownCopy>;
  if ("fault" in answer) throw new AgentError(answer.fault.code, answer.fault.facts);
  return answer.done;
}
