/** What can be fuzzed, each as runs from a seed: the short form is a test, the long one `npm run fuzz`. @module */
import fc from "fast-check";
import { agentFrames, checkAgentFrames } from "./agent-frames-fuzz.ts";
import { checkStream } from "./block-reader-fuzz.ts";
import { checkDocument, documentCase, showDocument } from "./documents-fuzz.ts";
import { checkExchange, exchangeCase, showExchange } from "./exchange-fuzz.ts";
import { checkFile, fileCase, showFile } from "./file-splitter-fuzz.ts";
import { type FrameCase, showFrameCase } from "./frame-cases.ts";
import { checkDecoder, decoderFrames } from "./frame-decoder-fuzz.ts";
import { checkHeader, headerCase, showHeader } from "./msh-fuzz.ts";
import { checkReceiverFrames, receiverFrames } from "./receiver-frames-fuzz.ts";
import { showStream, streamCase } from "./stream-cases.ts";

export interface FuzzResult {
  /** With it the same runs come again, as long as the corpus is the same. */
  readonly seed: number;
  readonly runs: number;
  /** Of all runs; of targets that read frames. */
  readonly frames: number;
  /** The smallest input found that fails, as hex with its options, and why; `undefined`: none fails. */
  readonly failure: string | undefined;
}

export interface FuzzTarget {
  readonly name: string;
  /** About a second of them. */
  readonly roundRuns: number;
  readonly readsFrames: boolean;
  /** @param seed one of fast-check's own choice where it is not given */
  run(runs: number, seed?: number): Promise<FuzzResult>;
}

export const BLOCK_READER = target("block reader", 2_000, streamCase, checkStream, showStream);
export const MSH_READER = target("MSH reader", 20_000, headerCase, checkHeader, showHeader);
export const FILE_SPLITTER = target("file splitter", 2_000, fileCase, checkFile, showFile);
export const FRAME_DECODER = target(
  ...(["frame decoder", 8_000] as const),
  ...([decoderFrames, checkDecoder, showFrameCase, framesIn] as const),
);
export const RECEIVER_FRAMES = target(
  ...(["frames to a receiver", 4_000] as const),
  ...([receiverFrames, checkReceiverFrames, showFrameCase, framesIn] as const),
);
export const AGENT_FRAMES = target(
  ...(["frames to an agent", 4_000] as const),
  ...([agentFrames, checkAgentFrames, showFrameCase, framesIn] as const),
);
export const DOCUMENTS = target("documents", 2_000, documentCase, checkDocument, showDocument);
export const EXCHANGES = target(
  ...(["enrolment and renewal", 2_000, exchangeCase, checkExchange, showExchange] as const),
);
export const TARGETS: readonly FuzzTarget[] = [
  BLOCK_READER,
  MSH_READER,
  FILE_SPLITTER,
  FRAME_DECODER,
  RECEIVER_FRAMES,
  AGENT_FRAMES,
  DOCUMENTS,
  EXCHANGES,
];

function framesIn({ wires }: FrameCase<string>): number {
  return wires.length;
}

/** @param check throws, or rejects, on an input that is handled wrongly */
function target<T>(
  name: string,
  roundRuns: number,
  cases: fc.Arbitrary<T>,
  check: (input: T) => void | Promise<void>,
  show: (input: T) => string,
  frameCount?: (input: T) => number,
): FuzzTarget {
  let frames = 0;
  const property = fc.asyncProperty(cases, async (input) => {
    frames += frameCount?.(input) ?? 0;
    await check(input);
  });
  return {
    name,
    roundRuns,
    readsFrames: frameCount !== undefined,
    run: async (numRuns, seed) => {
      frames = 0;
      const details = await fc.check(property, {
        numRuns,
        ...(seed === undefined ? {} : { seed }),
      });
      const smallest = details.counterexample?.[0];
      const reason = String(details.errorInstance).slice(0, 2_000);
      return {
        seed: details.seed,
        runs: details.numRuns,
        frames,
        failure: smallest === undefined ? undefined : `${show(smallest)}\n${reason}`,
      };
    },
  };
}
