/**
 * The TLS certificate of a listener: read at the start and again each hour, so that a renewed file is
 * taken up without a restart, and watched for its end (03 C4).
 *
 * @module
 */
import { AgentError, type Facts, identifierFrom } from "../../errors.ts";
import type { Timer } from "../../host/clock.ts";
import { CERTIFICATE_CHECK_MS } from "../../limits.ts";
import type { ListenerOptions } from "./listener-options.ts";
import {
  daysUntil,
  expiryStage,
  type ListenerTls,
  loadTlsMaterial,
  type TlsMaterial,
} from "./tls-server.ts";

type Parts = Pick<ListenerOptions, "channel" | "clock" | "conditions" | "log">;

export class ListenerCertificate implements Disposable {
  readonly tls: ListenerTls;
  readonly #parts: Parts;
  #material: TlsMaterial;
  #stage = "none";
  #timer: Timer;

  /** @throws {AgentError} `LISTEN_TLS_MATERIAL` */
  constructor(tls: ListenerTls, parts: Parts) {
    this.tls = tls;
    this.#parts = parts;
    this.#material = loadNamed(tls, this.#channel);
    this.#watchEnd();
    this.#timer = this.#arm();
  }

  get material(): TlsMaterial {
    return this.#material;
  }

  [Symbol.dispose](): void {
    this.#timer[Symbol.dispose]();
  }

  get #channel(): Facts {
    return { channel: identifierFrom(this.#parts.channel.name) };
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
      const found = loadNamed(this.tls, this.#channel);
      const changed = found.fingerprint !== this.#material.fingerprint;
      this.#material = found;
      if (changed) log.write("tlsCertificateReloaded", this.#channel);
    } catch (error) {
      if (error instanceof AgentError) log.fault("tlsCertificateUnusable", error);
      else throw error;
    }
  }

  #watchEnd(): void {
    const { clock, conditions, log, channel } = this.#parts;
    const nowMs = clock.nowMs();
    const { notAfterMs } = this.#material;
    const stage = expiryStage(notAfterMs, nowMs);
    if (stage === "none") {
      conditions.close("certificateExpiring", channel.name);
    } else {
      const facts = { ...this.#channel, days: daysUntil(notAfterMs, nowMs) };
      conditions.open("certificateExpiring", channel.name, facts, nowMs);
      if (stage !== this.#stage) log.write("certificateExpiring", facts);
    }
    this.#stage = stage;
  }
}

function loadNamed(tls: ListenerTls, channel: Facts): TlsMaterial {
  try {
    return loadTlsMaterial(tls);
  } catch (error) {
    throw error instanceof AgentError ? named(error, channel) : error;
  }
}

/** The same fault, with the channel that it is about. */
function named(error: AgentError, channel: Facts): AgentError {
  return new AgentError(error.code, { ...channel, ...error.facts }, { cause: error });
}
