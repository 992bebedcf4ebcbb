/** Who this agent is, what the environment says to no effect, and the way to the receiver. @module */
import { X509Certificate } from "node:crypto";
import type { Identity } from "#certs/identity.ts";
import type { LocalConfig } from "#config/local.ts";
import { AgentError } from "../errors.ts";
import { systemClock } from "../host/clock.ts";
import { identityOf } from "../identity-desk.ts";
import { receiverOptions } from "../receiver-options.ts";
import { lookAlong, lookAtStranger, type WayLook, type Where } from "./doctor-way.ts";
import { type Finding, fault, ok, warning } from "./finding.ts";

const DAY_MS = 86_400_000;
/**
 * @param ignored variables of the environment that other programs take a proxy or a CA from, by name
 * @param credentials `$CREDENTIALS_DIRECTORY`
 */
export async function lookAtReceiver(
  config: LocalConfig,
  ignored: readonly string[],
  credentials: string | undefined,
): Promise<WayLook> {
  const environment = ofEnvironment(config.receiver.proxy !== undefined, ignored);
  const { identity, certificate } = ofCertificate(config, credentials);
  let where: Where;
  try {
    where = receiverOptions(config);
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
    const proxy = fault(error.code, error.facts);
    return { findings: { environment, certificate, proxy }, aheadMs: undefined, isReached: false };
  }
  const look =
    identity === undefined ? await lookAtStranger(where) : await lookAlong(where, identity);
  return { ...look, findings: { environment, certificate, ...look.findings } };
}

/** 07 1.9, 1.10: whoever set them should know that they do nothing. */
export function ofEnvironment(hasProxy: boolean, ignored: readonly string[]): Finding {
  if (ignored.length === 0) return ok("Names no proxy and no CA", {});
  const text = `Has no effect here: ${ignored.join(", ")}`;
  const facts = { count: ignored.length };
  const meant = !hasProxy && ignored.some((name) => /proxy/i.test(name));
  const remedy = "If the way out leads through a proxy, name it as receiver.proxy";
  return meant ? warning(text, facts, remedy) : ok(text, facts);
}

function ofCertificate(
  config: LocalConfig,
  credentials: string | undefined,
): {
  readonly identity: Identity | undefined;
  readonly certificate: Finding;
} {
  try {
    const identity = identityOf(config, credentials);
    return { identity, certificate: validity(identity) };
  } catch (error) {
    return { identity: undefined, certificate: unusable(error) };
  }
}

function validity({ certificatePem, notAfterMs }: Identity): Finding {
  const nowMs = systemClock.nowMs();
  const days = Math.floor((notAfterMs - nowMs) / DAY_MS);
  const { validFromDate } = new X509Certificate(certificatePem);
  if (validFromDate.getTime() > nowMs) {
    const remedy = "Compare this machine's clock with a good one";
    return warning("Not valid yet by this machine's clock", { days }, remedy);
  }
  if (days >= 0) return ok(`Fits its key, ${days} days left`, { days });
  const remedy =
    "Compare this machine's clock with a good one; if it is right, get a new certificate";
  return warning("Has expired by this machine's clock", { days }, remedy);
}

/** What is not there yet comes with the installation; what is there and cannot be used stops `run`. */
function unusable(error: unknown): Finding {
  if (!(error instanceof AgentError)) throw error;
  const isNotThere = error.facts["sysCode"] === "ENOENT" || error.code === "IDENTITY_MISSING";
  if (!isNotThere) return fault(error.code, error.facts);
  return warning("Not there yet: the way was tried without it", error.facts, error.remedy);
}
