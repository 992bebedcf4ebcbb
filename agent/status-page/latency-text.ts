/**
 * The histogram of acknowledgments as text of `/metrics`: `prom-client` has only one that counts by itself, and these are
 * counted where messages pass, without it.
 *
 * @see the Prometheus text format 0.0.4, and its histograms: buckets count everything up to their bound
 * @module
 */
import { countIn, LATENCY_BOUNDS_MS, type LatencyCounts } from "../health/latency.ts";

export const LATENCY_METRIC = "holdfast_acknowledgment_seconds";

/** @returns lines with their ends; channels without connections are left out */
export function latencyText(
  channels: readonly {
    /** Lower-case letters, digits, hyphens: nothing in it has to be escaped. */
    readonly name: string;
    readonly replyLatency: LatencyCounts | undefined;
  }[],
): string {
  const lines = channels.flatMap(({ name, replyLatency: latency }) => {
    if (latency === undefined) return [];
    const row = (part: string, value: number, bound?: string): string => {
      const le = bound === undefined ? "" : `,le="${bound}"`;
      return `${LATENCY_METRIC}_${part}{channel="${name}"${le}} ${value}`;
    };
    let upToHere = 0;
    const buckets = LATENCY_BOUNDS_MS.map((ms, at) => {
      upToHere += latency.counts[at] ?? 0;
      return row("bucket", upToHere, String(ms / 1_000));
    });
    const all = countIn(latency);
    return [
      ...[...buckets, row("bucket", all, "+Inf")],
      ...[row("sum", latency.sumMs / 1_000), row("count", all)],
    ];
  });
  const help = `# HELP ${LATENCY_METRIC} From the last byte of a block to its reply in the hands of TCP`;
  return `${[help, `# TYPE ${LATENCY_METRIC} histogram`, ...lines].join("\n")}\n`;
}
