/**
 * `dns.probe`, `tcp.probe`, `tls.probe`: whether a host that configuration names can be reached (08 4.4). It is named by
 * its index, resolved once, and that address is connected to; nothing is sent but a handshake.
 *
 * @module
 */
import { X509Certificate } from "node:crypto";
import type { Socket } from "node:net";
import { AgentError, codeOf, type Identifier, identifierFrom } from "../errors.ts";
import type { Clock } from "../host/clock.ts";
import { PROBE_EVERY_MS, PROBES_PER_WINDOW } from "../limits.ts";
import { type Answer, nameFact, timeFact } from "./answer.ts";
import type { Consent, SupportWindow } from "./consent.ts";
import type { ProbeHost } from "./facts.ts";
import { isForbidden, isLiteral } from "./probe-places.ts";
import type { Tokens } from "./tokens.ts";

/** The network, as probes use it. */
export interface ProbeNetwork {
  /** @returns every address of a name, as text @throws what the resolver says */
  resolve(host: string): Promise<readonly string[]>;
  /** @param address no name: it is not resolved again @throws {AgentError} why not */
  connect(address: string, port: number, signal: AbortSignal): Promise<Socket>;
  /** What is shown there, leaf first; nothing of ours is shown. Ends the socket. @throws {AgentError} why not */
  certificates(socket: Socket, host: string, signal: AbortSignal): Promise<readonly string[]>;
}

export interface ProbesParts {
  readonly hosts: () => readonly ProbeHost[];
  readonly network: ProbeNetwork;
  readonly consent: Pick<Consent, "window">;
  readonly clock: Pick<Clock, "monotonicMs">;
}

export type ProbeKind = "dns" | "tcp" | "tls";

export class Probes {
  readonly #parts: ProbesParts;
  #lastMs = Number.NEGATIVE_INFINITY;
  #window: SupportWindow | undefined;
  #count = 0;

  constructor(parts: ProbesParts) {
    this.#parts = parts;
  }

  /**
   * @param index as `config.show` lists the hosts
   * @returns how long each step took, and why one failed: that is an answer
   * @throws {AgentError} `PROBE_HOST_UNKNOWN`, `PROBE_RATE`, `PROBE_FORBIDDEN`
   */
  async probe(
    kind: ProbeKind,
    index: number,
    tokens: Tokens,
    signal: AbortSignal,
  ): Promise<Answer> {
    const host = this.#parts.hosts()[index];
    if (host === undefined) throw new AgentError("PROBE_HOST_UNKNOWN", { index });
    this.#admit();
    const began = this.#now();
    const told = { use: identifierFrom(host.use), address: tokens.of(host.host), port: host.port };
    const found = await this.#resolved(host);
    const resolveMs = Math.round(this.#now() - began);
    if ("code" in found) {
      return { ...told, resolveMs, failed: identifierFrom("resolve"), code: found.code };
    }
    const { addresses } = found;
    const resolved = { ...told, resolveMs, resolvedCount: addresses.length };
    const [address] = addresses;
    if (kind === "dns" || address === undefined) return resolved;
    return { ...resolved, ...(await this.#reached(kind, host, address, signal)) };
  }

  /** Once: what the name becomes afterwards is nobody's business (DNS rebinding). */
  async #resolved({
    host,
  }: ProbeHost): Promise<
    { readonly addresses: readonly string[] } | { readonly code: Identifier }
  > {
    if (isLiteral(host)) return { addresses: [host] };
    let addresses: readonly string[];
    try {
      addresses = await this.#parts.network.resolve(host);
    } catch (error) {
      return { code: codeOf(error) };
    }
    if (addresses.some(isForbidden)) throw new AgentError("PROBE_FORBIDDEN", {});
    return { addresses };
  }

  async #reached(
    kind: "tcp" | "tls",
    { host, port }: ProbeHost,
    address: string,
    signal: AbortSignal,
  ): Promise<{ readonly [name: string]: Answer }> {
    const { network } = this.#parts;
    const began = this.#now();
    let connectMs: number | null = null;
    try {
      const socket = await network.connect(address, port, signal);
      connectMs = Math.round(this.#now() - began);
      if (kind === "tcp") {
        socket.destroy();
        return { connectMs };
      }
      const shown = await network.certificates(socket, host, signal);
      const secureMs = Math.round(this.#now() - began) - connectMs;
      return { connectMs, secureMs, certificates: shown.map(certificateFacts) };
    } catch (error) {
      const failed = identifierFrom(connectMs === null ? "connect" : "secure");
      return { connectMs, failed, code: codeOf(error) };
    }
  }

  #admit(): void {
    const { window } = this.#parts.consent;
    if (window !== this.#window) this.#count = 0;
    this.#window = window;
    const isTooSoon = this.#now() - this.#lastMs < PROBE_EVERY_MS;
    if (isTooSoon || this.#count >= PROBES_PER_WINDOW) {
      throw new AgentError("PROBE_RATE", { count: this.#count });
    }
    this.#lastMs = this.#now();
    this.#count += 1;
  }

  #now(): number {
    return this.#parts.clock.monotonicMs();
  }
}

/** Numbers and dates: names in it are somebody else's words. */
function certificateFacts(pem: string): Answer {
  const certificate = new X509Certificate(pem);
  return {
    serial: nameFact(certificate.serialNumber.toLowerCase()),
    notBefore: timeFact(Date.parse(certificate.validFrom)),
    notAfter: timeFact(Date.parse(certificate.validTo)),
    fingerprint: nameFact(certificate.fingerprint256.replaceAll(":", "").toLowerCase()),
    isCa: certificate.ca,
  };
}
