/** What WELCOME settles for a connection (06 TP10 to TP12). @module */
import { capabilitiesInForce, SPOKEN_CAPABILITIES } from "#protocol/capabilities.ts";
import { ERROR_CODE, type WelcomeFrame } from "#protocol/frame.ts";
import { FRAME_MAX_BYTES, FRAME_MIN_NEGOTIABLE_BYTES, MINOR } from "#protocol/limits.ts";
import { ProtocolError } from "#protocol/protocol-error.ts";

/** TP26. */
const HEARTBEAT_MAX_MS = 60_000;

export interface Agreement {
  /** The smaller of both sides. */
  readonly frameLimit: number;
  readonly heartbeatMs: number;
  /** Large messages go on where the receiver has them (TP14). */
  readonly isPartialInForce: boolean;
  /** The receiver may send commands (TP36). */
  readonly areCommandsInForce: boolean;
}

/**
 * TP11, TP26 and 06 section 3: what this side could not keep to is refused, as the receiver refuses HELLO.
 *
 * @throws {ProtocolError} malformed or limit
 */
export function agreementOf(welcome: WelcomeFrame): Agreement {
  const { minor, frameLimit, heartbeatMs, capabilities } = welcome;
  if (minor !== MINOR) {
    throw new ProtocolError(ERROR_CODE.malformed, "Cannot speak the minor version of WELCOME");
  }
  const silent = heartbeatMs < 1 || heartbeatMs > HEARTBEAT_MAX_MS;
  if (frameLimit < FRAME_MIN_NEGOTIABLE_BYTES || silent) {
    throw new ProtocolError(ERROR_CODE.limit, "Cannot keep to a limit of WELCOME");
  }
  const inForce = capabilitiesInForce(SPOKEN_CAPABILITIES, capabilities);
  return {
    frameLimit: Math.min(frameLimit, FRAME_MAX_BYTES),
    heartbeatMs,
    isPartialInForce: inForce.includes("partial"),
    areCommandsInForce: inForce.includes("commands"),
  };
}
