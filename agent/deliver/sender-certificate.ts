/**
 * The TLS files of one sender: read at the start and again each hour, so that a renewed file is taken up
 * without a restart; the end of our own certificate is watched (03 C4). As on a listener.
 *
 * @module
 */
import { AgentError, type Facts, identifierFrom } from "../errors.ts";
import type { Conditions } from "../health/conditions.ts";
import type { Clock, Timer } from "../host/clock.ts";
import type { Log } from "../host/log.ts";
import { daysUntil, expiryStage } from "../ingest/mllp/tls-server.ts";
import { CERTIFICATE_CHECK_MS } from "../limits.ts";
import { loadSenderTls, type SenderTls, type SenderTlsMaterial } from "./sender-tls.ts";

export interface SenderCertificateParts {
  readonly channel: string;
  readonly clock: Clock;
  readonly conditions: Conditions;
  readonly log: Log;
}

export class SenderCertificate implements Disposable {
  readonly #tls: SenderTls;
  readonly #parts: SenderCertificateParts;
  #material: SenderTlsMaterial;
  #stage = "none";
  #timer: Timer;

  /** @throws {AgentError} `SENDER_TLS_MATERIAL`, naming the channel */
  constructor(tls: SenderTls, parts: SenderCertificateParts) {
    this.#tls = tls;
    this.#parts = parts;
    this.#material = this.#load();
    this.#watchEnd();
    this.#timer = this.#arm();
  }

  get material(): SenderTlsMaterial {
    return this.#material;
  }

  [Symbol.dispose](): void {
    this.#timer[Symbol.dispose]();
  }

  get #channel(): Facts {
    return { channel: identifierFrom(this.#parts.channel) };
  }

  #load(): SenderTlsMaterial {
    try {
      return loadSenderTls(this.#tls);
    } catch (error) {
      throw error instanceof AgentError ? named(error, this.#channel) : error;
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
      const found = this.#load();
      const changed =
        found.certificatePem !== this.#material.certificatePem ||
        found.serverCaPem.join() !== this.#material.serverCaPem.join();
      this.#material = found;
      if (changed) log.write("tlsCertificateReloaded", this.#channel);
    } catch (error) {
      if (error instanceof AgentError) log.fault("tlsCertificateUnusable", error);
      else throw error;
    }
  }

  #watchEnd(): void {
    const { clock, conditions, log, channel } = this.#parts;
    const { notAfterMs } = this.#material;
    if (notAfterMs === undefined) return;
    const nowMs = clock.nowMs();
    const stage = expiryStage(notAfterMs, nowMs);
    if (stage === "none") {
      conditions.close("certificateExpiring", channel);
    } else {
      const facts = { ...this.#channel, days: daysUntil(notAfterMs, nowMs) };
      conditions.open("certificateExpiring", channel, facts, nowMs);
      if (stage !== this.#stage) log.write("certificateExpiring", facts);
    }
    this.#stage = stage;
  }
}

function named(error: AgentError, channel: Facts): AgentError {
  return new AgentError(error.code, { ...channel, ...error.facts }, { cause: error });
}
