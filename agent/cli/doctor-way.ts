/**
 * The way to the receiver, step by step, as `run` goes it: the same code, with the same errors; and before there is an
 * identity, as far as one comes without.
 *
 * It stops before HELLO. Only HELLO begins a session at the receiver, so a running agent's is not disturbed.
 *
 * @module
 */
import { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { AgentError, identifierFrom } from "../errors.ts";
import { systemClock } from "../host/clock.ts";
import {
  DIAL_STEPS,
  type DialOptions,
  type DialStep,
  dial,
  lookAtReceiver as lookAtShown,
} from "../tunnel/dial.ts";
import { issuerFacts, type ShownCertificate } from "../tunnel/issuer-look.ts";
import { bareHost } from "../tunnel/proxy.ts";
import { receiverAheadMs } from "../tunnel/receiver-date.ts";
import { remedyFor } from "../tunnel/refusal-reasons.ts";
import type { TlsIdentity } from "../tunnel/secure.ts";
import { type Finding, fault, notice, ok, warning } from "./finding.ts";

/** Findings by name, in the order in which they are shown. */
export type Findings = Readonly<Record<string, Finding>>;

/** What is told of the way, and of what came back on it. */
export interface WayLook {
  readonly findings: Findings;
  /** By how much the receiver's clock is ahead; `undefined` if it was not asked, or did not say. */
  readonly aheadMs: number | undefined;
  /** Whether the receiver answered. */
  readonly isReached: boolean;
}

/** How far it came. */
interface Way {
  readonly durationsMs: ReadonlyMap<DialStep, number>;
  /** What the step behind the last one ended with. */
  readonly error: AgentError | undefined;
  readonly hasProxy: boolean;
  /** Of the receiver, if it was shown and believed. */
  readonly certificate: X509Certificate | undefined;
}

/** Where it leads, and through what. */
export type Where = Pick<DialOptions, "receiverUrl" | "proxy">;

const DAY_MS = 86_400_000;
/** Of the whole way, whatever each step may take. */
export const WAY_MAX_MS = 15_000;
/** Somebody has to do something about it. */
const RECEIVER_CERTIFICATE_SOON_DAYS = 14;

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

/** The way of somebody who is known there. */
export async function lookAlong(where: Where, identity: TlsIdentity): Promise<WayLook> {
  using limit = new WayLimit();
  const way = await walk({ ...where, identity }, limit);
  const isReached = way.error === undefined || isAnswer(way.error);
  const aheadMs = isReached ? await aheadOf({ ...where, identity }, limit) : undefined;
  return { findings: stepsOf(way, limit), aheadMs, isReached };
}

/**
 * Before there is an identity: what is shown where the receiver should be is told. If its CA is among it, that is believed
 * for this look, so that the upgrade and the time can be asked for. Nothing of ours is shown.
 */
export async function lookAtStranger(where: Where): Promise<WayLook> {
  using limit = new WayLimit();
  const steps = new Steps();
  const way = (error: AgentError | undefined): Way => ({
    ...{ ...steps.sofar, error, hasProxy: where.proxy !== undefined, certificate: undefined },
  });
  try {
    const { clock, signal } = limit;
    const chain = await lookAtShown({ ...where, clock, signal, onStep: steps.done });
    const findings = { ...stepsOf(way(undefined), limit), TLS: ofShown(chain, where) };
    const shown = { ...findings, shown: ofChain(chain) };
    const ca = chain.at(-1)?.pem ?? "";
    if (findings.TLS.verdict !== "ok" || !isCa(ca)) {
      return { findings: shown, aheadMs: undefined, isReached: findings.TLS.verdict === "ok" };
    }
    return await lookFurther(where, { receiverCaPem: ca }, shown, limit);
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
    return { findings: stepsOf(way(error), limit), aheadMs: undefined, isReached: false };
  }
}

/** Up to the answer to the upgrade, which is a no: nobody knows us there. */
async function lookFurther(
  where: Where,
  identity: TlsIdentity,
  findings: Findings,
  limit: WayLimit,
): Promise<WayLook> {
  const { error } = await walk({ ...where, identity }, limit);
  const isReached = error === undefined || isAnswer(error);
  const aheadMs = isReached ? await aheadOf({ ...where, identity }, limit) : undefined;
  const answered = ok("Answered: it asks who we are, which enrolment will settle", {});
  const isStranger = error === undefined || error.code === "TUNNEL_REFUSED";
  const upgrade = isStranger ? answered : troubleOf(error);
  return { findings: { ...findings, upgrade }, aheadMs, isReached };
}

const isCa = (pem: string): boolean => {
  const certificate = new X509Certificate(pem);
  return certificate.ca && certificate.checkIssued(certificate);
};

/** Name and dates; whose it is, nobody can tell yet. */
function ofShown([leaf]: readonly ShownCertificate[], { receiverUrl }: Where): Finding {
  if (leaf === undefined) return fault("TUNNEL_NOT_A_RECEIVER", {});
  const certificate = new X509Certificate(leaf.pem);
  const host = bareHost(receiverUrl.hostname);
  const named = isIP(host) === 0 ? certificate.checkHost(host) : certificate.checkIP(host);
  const days = Math.floor((certificate.validToDate.getTime() - systemClock.nowMs()) / DAY_MS);
  const isYoung = certificate.validFromDate.getTime() > systemClock.nowMs();
  if (named === undefined) {
    const remedy =
      "Compare the host with the vendor's sheet; something else may answer in its place";
    return warning("1.3, but the certificate shown is of another host", { days }, remedy);
  }
  if (days >= 0 && !isYoung) {
    return ok(`1.3; the certificate names the host, ${days} days left. Whose it is: "shown"`, {
      days,
    });
  }
  const remedy = "Compare this machine's clock with a good one; then ask the vendor";
  return warning("1.3, but the certificate shown is not valid by this clock", { days }, remedy);
}

function ofChain(chain: readonly ShownCertificate[]): Finding {
  const { issuer = "nobody" } = issuerFacts(chain);
  const digest = chain.at(-1)?.fingerprint ?? "";
  return notice(
    `Issued by ${issuer}; SHA-256 of the last certificate shown: ${digest}`,
    issuerFacts(chain),
    "Not compared with anything yet: enrolment holds it against the token. If it is a device of yours that opens TLS, exempt the receiver there",
  );
}

/** A receiver's own words, in HTTP. */
const isAnswer = ({ code }: AgentError): boolean =>
  code === "TUNNEL_REFUSED" || code === "TUNNEL_OVERLOADED" || code === "TUNNEL_RECEIVER_FAILING";

/** What it is to one who only looks: not known. */
async function aheadOf(
  where: Where & { readonly identity: TlsIdentity },
  { clock, signal }: WayLimit,
): Promise<number | undefined> {
  try {
    return await receiverAheadMs({ ...where, clock, signal });
  } catch (error) {
    if (error instanceof AgentError) return undefined;
    throw error;
  }
}

/** The time for all of it. */
class WayLimit implements Disposable {
  readonly clock = systemClock;
  readonly #giveUp = new AbortController();
  readonly #timer = systemClock.after(WAY_MAX_MS, () => this.#giveUp.abort());

  get signal(): AbortSignal {
    return this.#giveUp.signal;
  }

  [Symbol.dispose](): void {
    this.#timer[Symbol.dispose]();
  }
}

/** How long each took. */
class Steps {
  readonly #durationsMs = new Map<DialStep, number>();
  #sinceMs = systemClock.monotonicMs();

  readonly done = (step: DialStep): void => {
    const nowMs = systemClock.monotonicMs();
    this.#durationsMs.set(step, Math.round(nowMs - this.#sinceMs));
    this.#sinceMs = nowMs;
  };

  get sofar(): Pick<Way, "durationsMs"> {
    return { durationsMs: this.#durationsMs };
  }
}

async function walk(
  where: Where & { readonly identity: TlsIdentity },
  { clock, signal }: WayLimit,
): Promise<Way> {
  const steps = new Steps();
  const hasProxy = where.proxy !== undefined;
  let certificate: X509Certificate | undefined;
  const way = (error: AgentError | undefined) => ({ ...steps.sofar, hasProxy, error, certificate });
  try {
    const onStep = steps.done;
    const { webSocket, socket } = await dial({ ...where, clock, signal, onStep });
    certificate = socket.getPeerX509Certificate();
    webSocket.terminate();
    return way(undefined);
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
    return way(error);
  }
}

/** As far as it came; what was not come to is not shown. */
function stepsOf({ durationsMs, error, hasProxy, certificate }: Way, limit: WayLimit): Findings {
  const findings: Record<string, Finding> = {};
  for (const step of DIAL_STEPS.filter((one) => one !== "proxy" || hasProxy)) {
    const durationMs = durationsMs.get(step);
    if (durationMs === undefined) {
      if (error === undefined) return findings;
      return { ...findings, [NAMES[step]]: limit.signal.aborted ? TOO_LATE : troubleOf(error) };
    }
    const whose = hasProxy && (step === "resolve" || step === "connect") ? ", to the proxy" : "";
    findings[NAMES[step]] = ok(`${DONE[step]}${whose}, ${durationMs} ms`, { durationMs });
  }
  if (certificate !== undefined) findings["receiver's certificate"] = ofReceiver(certificate);
  return findings;
}

const TOO_LATE: Finding = warning(
  `Given up: the whole way took longer than ${WAY_MAX_MS / 1_000} s`,
  { durationMs: WAY_MAX_MS },
  "Ask the network team what delays connections from this machine to the receiver",
);

function ofReceiver({ validToDate, fingerprint256 }: X509Certificate): Finding {
  const days = Math.floor((validToDate.getTime() - systemClock.nowMs()) / DAY_MS);
  const digest = fingerprint256.replaceAll(":", "").toLowerCase();
  const facts = { days, fingerprint: identifierFrom(digest) };
  const text = `Believed, ${days} days left, SHA-256 ${digest}`;
  if (days > RECEIVER_CERTIFICATE_SOON_DAYS) return ok(text, facts);
  return notice(text, facts, "Ask the vendor whether another one is on its way");
}

/** Without the receiver the agent runs all the same, and keeps (03 A8); without a password it does not. */
function troubleOf(error: AgentError): Finding {
  const { code, facts } = error;
  const found = fault(code, facts);
  if (error.disposition === "halt") return found;
  return warning(found.text, { ...facts, error: identifierFrom(code) }, remedyFor(error));
}
