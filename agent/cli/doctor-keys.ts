/** The key that opens what is stored (08 2.2), and the agent that may be running on it. @module */
import type { LocalConfig } from "#config/local.ts";
import { kekCustody } from "../channel-options.ts";
import { AgentError, identifierFrom } from "../errors.ts";
import { loadKek, loadOwnKek } from "../sealing/kek.ts";
import type { AgentStatus } from "../status.ts";
import { kekOrNone, lookAtKeyFiles } from "./doctor-store.ts";
import { type Finding, ok, warning } from "./finding.ts";
import { question } from "./question.ts";

type Keys = Pick<LocalConfig, "kek" | "stateDir">;

/** The key itself goes nowhere. @param creds `$CREDENTIALS_DIRECTORY` */
export function lookAtKey({ kek, stateDir }: Keys, creds: string | undefined): Finding {
  const facts = { custody: identifierFrom(kek.custody) };
  if (kek.custody === "file") {
    loadOwnKek(kek, stateDir);
    const where = "in a file: a copy of the whole disk holds it, unless the disk is encrypted";
    return ok(`Found ${where}`, facts);
  }
  if (kek.custody === "dpapi") {
    loadOwnKek(kek, stateDir);
    const where = "wrapped by Windows (DPAPI): on this machine whoever may read the file opens it";
    return ok(`Found ${where}`, facts);
  }
  if (creds === undefined) {
    const remedy = "Run doctor in a service with the same LoadCredentialEncrypted= to look at it";
    return warning("A credential of the service, which is not shown to others", facts, remedy);
  }
  loadKek({ custody: "credential", folder: creds }, stateDir);
  return ok("Found as a credential; with a host key it is as safe as the disk under it", facts);
}

export function lookAtKeys({ kek, stateDir }: Keys, creds: string | undefined): Finding {
  return lookAtKeyFiles(
    stateDir,
    kekOrNone(() => loadKek(kekCustody(kek, creds), stateDir)),
  );
}

export async function lookAtAgent({ stateDir }: Keys): Promise<Finding> {
  try {
    const { pid, health } = (await question(stateDir, { ask: "status" })) as AgentStatus;
    const facts = { running: true, pid };
    if (health === "ok") return ok(`Runs as process ${pid}`, facts);
    return warning(`Runs as process ${pid}, needs attention`, facts, "See: holdfast status");
  } catch (error) {
    if (!(error instanceof AgentError) || error.code !== "AGENT_NOT_RUNNING") throw error;
    return ok("None runs on this folder", { running: false });
  }
}
