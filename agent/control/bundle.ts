/**
 * The bundle (08 5): parts that are made of listed facts, one JSON object a line, behind a manifest with the size and
 * SHA-256 of each. There is no step that looks for what must not be in it: what is not listed is not there.
 *
 * @module
 */
import { hash } from "node:crypto";
import { setImmediate as turn } from "node:timers/promises";
import { identifierFrom } from "../errors.ts";
import type { Chance, Clock } from "../host/clock.ts";
import type { Answer } from "./answer.ts";
import { timeFact } from "./answer.ts";
import { PART_NAMES, type PartName } from "./bundle-parts.ts";
import type { ControlFacts } from "./facts.ts";
import { PARTS } from "./parts.ts";
import { Tokens } from "./tokens.ts";

export interface BundleMaker {
  readonly facts: ControlFacts;
  readonly chance: Pick<Chance, "bytes">;
  readonly clock: Pick<Clock, "nowMs">;
}

/** @param names absent: all @returns text that is shown to people as it is, and leaves as it is */
export async function makeBundle(
  { facts, chance, clock }: BundleMaker,
  names: readonly PartName[] = PART_NAMES,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  // One salt for the whole bundle, forgotten with it.
  const tokens = new Tokens(chance);
  const lines: { readonly name: PartName; readonly line: string }[] = [];
  for (const name of PART_NAMES.filter((one) => names.includes(one))) {
    signal?.throwIfAborted();
    const part: Answer = await PARTS[name](facts, tokens);
    lines.push({ name, line: JSON.stringify({ [name]: part }) });
    // Acknowledgments come first: a part takes milliseconds at most.
    await turn();
  }
  const manifest: Answer = {
    format: identifierFrom("holdfast-bundle:1"),
    madeAt: timeFact(clock.nowMs()),
    parts: lines.map(({ name, line }) => ({
      ...{ name: identifierFrom(name), bytes: Buffer.byteLength(line) },
      sha256: identifierFrom(hash("sha256", line)),
    })),
  };
  const text = [JSON.stringify({ manifest }), ...lines.map(({ line }) => line)].join("\n");
  return new Uint8Array(Buffer.from(`${text}\n`));
}
