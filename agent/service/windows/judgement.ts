/** Whether the installation is still out of reach of others, at each start of the service (09 SV16). @module */
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { loadLocalConfig } from "#config/local.ts";
import { SERVICE_NAME, serviceSid } from "../../host/windows/names.ts";
import { openSecurity } from "../../host/windows/security.ts";

/** @throws {AgentError} `ACCESS_LIST_UNFIT`, `WINDOWS_CALL_FAILED` {DocumentError} */
export async function judgeInstallation(config: string, program: string): Promise<void> {
  const security = await openSecurity();
  const own = security.ownSid();
  const service = serviceSid(SERVICE_NAME);
  // An administrator may change everything, whatever a list says.
  const writers = security.isAdministrator() ? [own] : [];
  security.judge(program, "program", { writers, isPublic: true });
  security.judge(config, "config", { writers, isPublic: true });
  const { stateDir, kek } = loadLocalConfig(config);
  const ours = { writers: [service, own], isPublic: false };
  if (existsSync(stateDir)) security.judge(stateDir, "state", ours);
  if (kek.custody === "credential") return;
  // What is made in it has its list.
  const keys = dirname(kek.file);
  if (existsSync(keys)) security.judge(keys, "key", ours);
}
