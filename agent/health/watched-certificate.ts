/**
 * The TLS files of one channel: read at the start and again each hour, so that a renewed file is taken up
 * without a restart; the end of our own certificate is watched (03 C4).
 *
 * @module
 */
import { AgentError, type Facts, identifierFrom } from "../errors.ts";
import type { Clock, Timer } from "../host/clock.ts";
import type { Log } from "../host/log.ts";
import { CERTIFICATE_CHECK_MS } from "../limits.ts";
import type { Conditions } from "./conditions.ts";

export interface WatchedMaterial {
  /** Ours; `undefined`: we show none. */
  readonly certificatePem: string | undefined;
  /** The CAs whose certificates are accepted; `undefined`: none is asked for. */
  readonly trustedPem: readonly string[] | undefined;
  /** End of our certificate's validity, ms since 1970. An expired one is loaded: that is an alarm. */
  readonly notAfterMs: number | undefined;
}

export interface WatchedCertificateParts {
  readonly clock: Clock;
  readonly conditions: Conditions;
  readonly log: Log;
}

/** 03 C4: how many days before the end of a certificate an alarm opens. */
const EXPIRY_ALARM_DAYS = [60, 30, 7] as const;
export type ExpiryStage = "none" | "soon60" | "soon30" | "soon7" | "expired";

const DAY_MS = 86_400_000;

export class WatchedCertificate<Material extends WatchedMaterial> implements Disposable {
  readonly #channel: string;
  readonly #load: () => Material;
  readonly #parts: WatchedCertificateParts;
  #material: Material;
  #stage: ExpiryStage = "none";
  #timer: Timer;

  /**
   * @param load reads the files, again and again
   * @throws {AgentError} what `load` throws, naming the channel
   */
  constructor(channel: string, load: () => Material, parts: WatchedCertificateParts) {
    this.#channel = channel;
    this.#load = load;
    this.#parts = parts;
    this.#material = this.#loadNamed();
    this.#watchEnd();
    this.#timer = this.#arm();
  }

  get material(): Material {
    return this.#material;
  }

  [Symbol.dispose](): void {
    this.#timer[Symbol.dispose]();
  }

  get #named(): Facts {
    return { channel: identifierFrom(this.#channel) };
  }

  #loadNamed(): Material {
    try {
      return this.#load();
    } catch (error) {
      throw error instanceof AgentError ? named(error, this.#named) : error;
    }
  }

  #arm(): Timer {
    return this.#parts.clock.after(CERTIFICATE_CHECK_MS, () => {
      this.#readAgain();
      this.#watchEnd();
      this.#timer = this.#arm();
    });
  }

  /** Files that cannot be used, perhaps half written, leave what is in use in place. */
  #readAgain(): void {
    const { log } = this.#parts;
    try {
      const found = this.#loadNamed();
      const changed =
        found.certificatePem !== this.#material.certificatePem ||
        found.trustedPem?.join() !== this.#material.trustedPem?.join();
      this.#material = found;
      if (changed) log.write("tlsCertificateReloaded", this.#named);
    } catch (error) {
      if (error instanceof AgentError) log.fault("tlsCertificateUnusable", error);
      else throw error;
    }
  }

  #watchEnd(): void {
    const { clock, conditions, log } = this.#parts;
    const { notAfterMs } = this.#material;
    if (notAfterMs === undefined) return;
    const nowMs = clock.nowMs();
    const stage = expiryStage(notAfterMs, nowMs);
    if (stage === "none") {
      conditions.close("certificateExpiring", this.#channel);
    } else {
      const facts = { ...this.#named, days: daysUntil(notAfterMs, nowMs) };
      conditions.open("certificateExpiring", this.#channel, facts, nowMs);
      if (stage !== this.#stage) log.write("certificateExpiring", facts);
    }
    this.#stage = stage;
  }
}

/** Days until a certificate ends, those begun counted whole; 0 or less once it has ended. */
export function daysUntil(notAfterMs: number, nowMs: number): number {
  return Math.ceil((notAfterMs - nowMs) / DAY_MS);
}

/** Which of the alarms of 03 C4 is due, the latest one only. */
export function expiryStage(notAfterMs: number, nowMs: number): ExpiryStage {
  if (notAfterMs <= nowMs) return "expired";
  const days = daysUntil(notAfterMs, nowMs);
  const due = EXPIRY_ALARM_DAYS.findLast((limit) => days <= limit);
  return due === undefined ? "none" : `soon${due}`;
}

/** The same fault, with the channel that it is about. */
function named(error: AgentError, channel: Facts): AgentError {
  return new AgentError(error.code, { ...channel, ...error.facts }, { cause: error });
}
