import type { ErrorFrameCode } from "./frame.ts";

/**
 * What the peer did wrong. The tunnel answers with an ERROR frame of this `code` and `frameType`,
 * and closes with 1002 (TP32).
 *
 * The text names the rule that was broken and never quotes what the peer sent: it may be logged.
 */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError";
  readonly code: ErrorFrameCode;
  /** The type byte of the offending frame, or undefined if there was none. */
  readonly frameType: number | undefined;

  constructor(
    code: ErrorFrameCode,
    message: string,
    options: ErrorOptions & { readonly frameType?: number } = {},
  ) {
    super(message, options);
    this.code = code;
    this.frameType = options.frameType;
  }

  /** The same, once it is known which type of frame broke the rule. */
  inFrame(frameType: number): ProtocolError {
    return new ProtocolError(this.code, this.message, { cause: this, frameType });
  }
}
