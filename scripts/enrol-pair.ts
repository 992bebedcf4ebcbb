/**
 * Enrols the agent of a pair, as a hospital and a vendor would: a token, a code that both see, a certificate (07 1.5).
 *
 * The receiver of the pair has to run.
 *
 * @module
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { programFile } from "#test/support/programs.ts";
import { output } from "./demo/program.ts";
import { AGENT, type Pair } from "./make-pair.ts";

const agentMain = programFile("agent/main.ts");
const receiverMain = programFile("receiver/main.ts");

/** @returns what `holdfast enroll --json` said @throws {Error} if it did not come to its end */
export async function enrolPair(
  { agentConfig, receiverConfig }: Pair,
  onCode: (code: string) => void = () => {},
): Promise<unknown> {
  const [agentFolder, receiverFolder] = [dirname(agentConfig), dirname(receiverConfig)];
  const name = `${AGENT.tenant}/${AGENT.agent}`;
  const token = join(agentFolder, "token");
  const vendor = (...args: readonly string[]): Promise<string> =>
    output([receiverMain, ...args, "--config", receiverConfig]);
  await vendor("trust", "import", join(receiverFolder, "trust.json"));
  await vendor("agent", "add", name, "--out", token);
  const args = ["enroll", "--token-file", token, "--anchor", join(agentFolder, "anchor.json")];
  const hospital = spawn(
    process.execPath,
    [agentMain, ...args, "--json", "--config", agentConfig],
    {
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  const parts: Buffer[] = [];
  hospital.stdout.on("data", (part: Buffer) => parts.push(part));
  const said: string[] = [];
  createInterface({ input: hospital.stderr }).on("line", (line) => {
    said.push(line);
    const [, first, second] = /Code: (\d{3}) (\d{3})/.exec(line) ?? [];
    if (first === undefined || second === undefined) return;
    onCode(`${first} ${second}`);
    // Whoever was called by telephone types in what they hear.
    vendor("agent", "confirm", name, `${first}${second}`).catch(() => hospital.kill());
  });
  const [code] = await once(hospital, "close");
  if (code !== 0) throw new Error(`the enrolment ended with ${code}\n${said.join("\n")}`);
  return JSON.parse(Buffer.concat(parts).toString("utf8"));
}
