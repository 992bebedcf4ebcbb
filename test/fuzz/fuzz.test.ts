import assert from "node:assert/strict";
import { test } from "node:test";
import {
  AGENT_FRAMES,
  BLOCK_READER,
  DOCUMENTS,
  EXCHANGES,
  FILE_SPLITTER,
  FRAME_DECODER,
  type FuzzTarget,
  MSH_READER,
  RECEIVER_FRAMES,
} from "./targets.ts";

/** `npm run fuzz` is the long form; here each run has a seed of its own, so that what is tried adds up. */
async function fuzz(target: FuzzTarget, runs: number): Promise<void> {
  const { seed, failure } = await target.run(runs);
  assert.ok(failure === undefined, `npm run fuzz -- --seed ${seed}\n${failure}`);
}

test("[F1, F2, F3, F4, F7, F10, F11] BlockReader gives what a naive reading of the stream gives, however it is cut", () =>
  fuzz(BLOCK_READER, 2_000));

test("[F8, F9, E2, A10, A11] any bytes can be read as a header, and what was read can be acknowledged", () =>
  fuzz(MSH_READER, 10_000));

test("[P35] [P37] [P38] [P39] [P40] any bytes are split as a file, whole and in slices alike, and none is lost", () =>
  fuzz(FILE_SPLITTER, 2_000));

test("[T-P01] [TP6] [TP7] whatever comes, the decoder gives a frame that can be sent, skips it or refuses it", () =>
  fuzz(FRAME_DECODER, 4_000));

test("[T-P01] [TP6] [TP7] [TP10] whatever an agent sends, a receiver answers or ends with ERROR, and stores only what was sent whole", () =>
  fuzz(RECEIVER_FRAMES, 5_000));

test("[T-P01] [TP6] [TP7] [TP10] whatever a receiver sends, an agent answers or ends with ERROR, and settles nothing for it", () =>
  fuzz(AGENT_FRAMES, 5_000));

test("[U16] whatever is made of signed documents, the kernel answers, and believes nothing that nobody signed", () =>
  fuzz(DOCUMENTS, 1_500));

test("[EN5] [EN6] [EN8] [N3] [N4] [N5] whatever is made of the bodies of enrolment and renewal, both ends answer, and nobody is let in by it", () =>
  fuzz(EXCHANGES, 1_500));
