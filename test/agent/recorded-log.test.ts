import assert from "node:assert/strict";
import { test } from "node:test";
import type { AuditDraft } from "#agent/audit/entry.ts";
import { AgentError, identifierFrom } from "#agent/errors.ts";
import type { LogEvent } from "#agent/host/log.ts";
import { recordedLog } from "#agent/recorded-log.ts";

test("[A01] events of the identity are recorded as they are logged, others are only logged", () => {
  const logged: LogEvent[] = [];
  const drafts: AuditDraft[] = [];
  const log = recordedLog(
    {
      write: (event) => void logged.push(event),
      fault: (event) => void logged.push(event),
    },
    (draft) => void drafts.push(draft),
  );
  log.write("identityRenewed", { serial: identifierFrom("2f"), generation: 3 });
  log.write("identityRecovered", { serial: identifierFrom("30"), generation: 4 });
  log.write("agentStarted", { pid: 1 });
  log.fault("renewalFailed", new AgentError("KEK_WRONG", {}));
  assert.deepEqual(logged, [
    "identityRenewed",
    "identityRecovered",
    "agentStarted",
    "renewalFailed",
  ]);
  const actor = { kind: "system", id: "identity" };
  assert.deepEqual(drafts, [
    { actor, action: "identity.renewed", subject: "serial 2f" },
    { actor, action: "identity.recovered", subject: "serial 30" },
    { actor, action: "identity.renewalFailed", reason: "KEK_WRONG" },
  ]);
});
