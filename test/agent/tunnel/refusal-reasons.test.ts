import assert from "node:assert/strict";
import { test } from "node:test";
import { AgentError, identifierFrom } from "#agent/errors.ts";
import { refusalReason, remedyFor } from "#agent/tunnel/refusal-reasons.ts";

const refused = (reason: string): AgentError =>
  new AgentError("TUNNEL_REFUSED", { code: identifierFrom(reason) });

test("[07 1.8] each reason of the gate has a remedy of its own; an unknown one has that of the code", () => {
  const reasons = [
    "SESSION_RESUMED",
    "NO_CERT",
    "CERT_HAS_EXPIRED",
    "CERT_NOT_YET_VALID",
    "CERT_UNKNOWN_CA",
    "CERT_PURPOSE",
    "CERT_INVALID",
    "CERT_PROFILE",
    "UNKNOWN_AGENT",
    "CERT_SUPERSEDED",
    "CERT_DENIED",
    "AGENT_LOCKED",
  ];
  for (const reason of reasons) assert.equal(refusalReason(reason), reason);
  const remedies = reasons.map((reason) => remedyFor(refused(reason)));
  assert.equal(new Set(remedies).size, reasons.length);
  assert.equal(remedyFor(refused("REFUSED")), refused("REFUSED").remedy);
  for (const header of [undefined, "", "toString", "REFUSED", "of-the-future", ["NO_CERT", "x"]]) {
    assert.equal(refusalReason(header), "REFUSED");
  }
});

test("[07 1.10] the receiver's expired certificate is not taken for ours", () => {
  const sysCode = identifierFrom("CERT_HAS_EXPIRED");
  const expired = new AgentError("TUNNEL_CERT_EXPIRED", { sysCode });
  assert.equal(remedyFor(expired), expired.remedy);
});
