/** Whether something keeps this machine's clock right: the kernel knows, whoever does it (adjtimex(2)). @module */
import { foreignFunctions } from "#packaged/foreign-functions.ts";

export interface ClockSync {
  readonly isSynchronized: boolean;
  /** How far off it may be, as whoever keeps it says; ms. */
  readonly errorMaxMs: number;
}

/** More than `struct timex` has on any platform of ours; all zero, it asks and sets nothing. */
const TIMEX_BYTES = 256;
/** Of 64-bit Linux: `modes` (4, and 4 to fill), `offset`, `freq`, then `maxerror` in microseconds. */
const MAX_ERROR_AT = 24;
/** The result `TIME_ERROR`: not synchronized. */
const TIME_ERROR = 5;

/** @returns `undefined` on other systems, or where it may not be asked @throws {AddOnError} in the executable */
export async function clockSync(): Promise<ClockSync | undefined> {
  if (process.platform !== "linux") return undefined;
  const { load } = await foreignFunctions();
  const adjtimex = load("libc.so.6").func("int adjtimex(_Inout_ uint8_t *timex)");
  const timex = Buffer.alloc(TIMEX_BYTES);
  const result = adjtimex(timex) as number;
  if (result < 0) return undefined;
  const errorMaxMs = Number(timex.readBigInt64LE(MAX_ERROR_AT)) / 1_000;
  return { isSynchronized: result !== TIME_ERROR, errorMaxMs };
}
