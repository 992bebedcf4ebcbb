/**
 * The way to the receiver, step by step, as `run` goes it: the same code, with the same errors.
 *
 * It stops before HELLO. Only HELLO begins a session at the receiver, so a running agent's is not disturbed.
 *
 * @module
 */
import { X509Certificate } from "node:crypto";
import type { Identity } from "#certs/identity.ts";
import type { LocalConfig } from "#config/local.ts";
import { AgentError, identifierFrom } from "../errors.ts";
import { systemClock } from "../host/clock.ts";
import { identityOf } from "../identity-desk.ts";
import { receiverOptions } from "../receiver-options.ts";
import { DIAL_STEPS, type DialStep, dial } from "../tunnel/dial.ts";
import { remedyFor } from "../tunnel/refusal-reasons.ts";
import { type Finding, fault, ok, warning } from "./finding.ts";

/** Findings by name, in the order in which they are shown. */
export type Findings = Readonly<Record<string, Finding>>;

/** How far it came. */
interface Way {
  readonly durationsMs: ReadonlyMap<DialStep, number>;
  /** What the step behind the last one ended with. */
  readonly error: AgentError | undefined;
  readonly hasProxy: boolean;
}

const DAY_MS = 86_400_000;

const NAMES: Readonly<Record<DialStep, string>> = {
  resolve: "name",
  connect: "connection",
  proxy: "proxy",
  secure: "TLS",
  upgrade: "upgrade",
};

const DONE: Readonly<Record<DialStep, string>> = {
  resolve: "Has an address",
  connect: "Made",
  proxy: "Connects to the receiver",
  secure: "1.3; the certificate is the receiver's",
  upgrade: "The receiver takes this agent; stopped there: a running agent's session goes on",
};

/**
 * @param ignored variables of the environment that other programs take a proxy or a CA from, by name
 * @param credentials `$CREDENTIALS_DIRECTORY`
 */
export async function lookAtReceiver(
  config: LocalConfig,
  ignored: readonly string[],
  credentials: string | undefined,
): Promise<Findings> {
  const environment = ofEnvironment(config, ignored);
  const { identity, certificate } = ofCertificate(config, credentials);
  if (identity === undefined) return { environment, certificate };
  return { environment, certificate, ...stepsOf(await walk(config, identity)) };
}

/** 07 1.9, 1.10: whoever set them should know that they do nothing. */
function ofEnvironment({ receiver }: LocalConfig, ignored: readonly string[]): Finding {
  if (ignored.length === 0) return ok("Names no proxy and no CA", {});
  const text = `Has no effect here: ${ignored.join(", ")}`;
  const facts = { count: ignored.length };
  const meant = receiver.proxy === undefined && ignored.some((name) => /proxy/i.test(name));
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
  return warning("Not there yet: the way to the receiver was not tried", error.facts, error.remedy);
}

async function walk(config: LocalConfig, identity: Identity): Promise<Way> {
  const durationsMs = new Map<DialStep, number>();
  let sinceMs = systemClock.monotonicMs();
  const onStep = (step: DialStep): void => {
    const nowMs = systemClock.monotonicMs();
    durationsMs.set(step, Math.round(nowMs - sinceMs));
    sinceMs = nowMs;
  };
  const way = { durationsMs, hasProxy: config.receiver.proxy !== undefined };
  try {
    const { receiverUrl, proxy } = receiverOptions(config);
    const { signal } = new AbortController();
    const where = { receiverUrl, proxy, identity };
    const { webSocket } = await dial({ ...where, clock: systemClock, signal, onStep });
    webSocket.terminate();
    return { ...way, error: undefined };
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
    return { ...way, error };
  }
}

/** As far as it came; what was not come to is not shown. */
function stepsOf({ durationsMs, error, hasProxy }: Way): Findings {
  const findings: Record<string, Finding> = {};
  for (const step of DIAL_STEPS.filter((one) => one !== "proxy" || hasProxy)) {
    const durationMs = durationsMs.get(step);
    if (durationMs === undefined) {
      return error === undefined ? findings : { ...findings, [NAMES[step]]: troubleOf(error) };
    }
    const whose = hasProxy && (step === "resolve" || step === "connect") ? ", to the proxy" : "";
    findings[NAMES[step]] = ok(`${DONE[step]}${whose}, ${durationMs} ms`, { durationMs });
  }
  return findings;
}

/** Without the receiver the agent runs all the same, and keeps (03 A8); without a password it does not. */
function troubleOf(error: AgentError): Finding {
  const { code, facts } = error;
  const found = fault(code, facts);
  if (error.disposition === "halt") return found;
  return warning(found.text, { ...facts, error: identifierFrom(code) }, remedyFor(error));
}
