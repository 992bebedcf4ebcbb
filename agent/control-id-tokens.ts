/**
 * `logControlIds: token` (08 PL4): control ids in log and status give their place to tokens, by which lines of one run can
 * be held together, and which say nothing to anybody else. What a person asks for by hand (`trace`, `quarantine list`)
 * shows them.
 *
 * @module
 */
import { createHmac } from "node:crypto";
import { AgentError, type Facts, type Identifier, identifierFrom } from "./errors.ts";
import type { Chance } from "./host/clock.ts";
import type { Log } from "./host/log.ts";
import type { AgentStatus, ChannelStatus } from "./status.ts";

const SALT_BYTES = 32;
/** Hexadecimal digits. */
const TOKEN_LENGTH = 12;

export class ControlIdTokens {
  /** Of this run alone, and never written. */
  readonly #salt: Uint8Array;

  constructor(chance: Chance) {
    this.#salt = chance.bytes(SALT_BYTES);
  }

  token(controlId: string): Identifier {
    const digest = createHmac("sha256", this.#salt).update(controlId).digest("hex");
    return identifierFrom(digest.slice(0, TOKEN_LENGTH));
  }

  /** A log that writes tokens. */
  log(log: Log): Log {
    return {
      write: (event, facts) => log.write(event, this.#facts(facts)),
      fault: (event, error) => {
        const facts: Facts = this.#facts(error.facts);
        const isSame = facts === error.facts;
        log.fault(event, isSame ? error : new AgentError(error.code, facts, { cause: error }));
      },
    };
  }

  status(status: AgentStatus): AgentStatus {
    return {
      ...status,
      conditions: status.conditions.map((one) => ({ ...one, facts: this.#facts(one.facts) })),
      alarms: status.alarms.map((one) => ({ ...one, facts: this.#facts(one.facts) })),
      channels: status.channels.map((one) => this.#channel(one)),
    };
  }

  #channel(channel: ChannelStatus): ChannelStatus {
    const { observed } = channel;
    if (observed === undefined) return channel;
    const warnings = observed.warnings.map(({ controlId, ...one }) => ({
      ...{ ...one, controlId: controlId && this.token(controlId) },
    }));
    return { ...channel, observed: { ...observed, warnings } };
  }

  /** The same object where there is none. */
  #facts<Found extends Readonly<Record<string, unknown>>>(facts: Found): Found {
    const { controlId } = facts;
    return typeof controlId === "string" ? { ...facts, controlId: this.token(controlId) } : facts;
  }
}
