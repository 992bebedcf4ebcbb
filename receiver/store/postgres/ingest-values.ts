/**
 * An ingest call as the parameters of the function: few values, whatever the number of items.
 *
 * @module
 */
import type { IngestCall } from "#streams/sink/sink-store.ts";
import type { Value } from "./questions.ts";

/**
 * @param day the partition that the rows belong to
 * @param stored the body in slices of the only item, if it has none of its own
 */
export function ingestValues(
  call: IngestCall,
  day: string,
  stored: { readonly body: string; readonly bytes: number } | null,
): Value[] {
  const { items } = call;
  const bodies = items.map(({ body }) => body ?? new Uint8Array(0));
  return [
    call.agent,
    call.session,
    call.channel,
    call.epoch,
    call.atMs,
    day,
    call.first,
    Buffer.concat(items.map(({ sha256 }) => sha256)),
    items.map(({ receivedAtMs }) => receivedAtMs),
    items.map(({ meta }) => meta),
    items.map(({ replaces }) => replaces?.epoch ?? null),
    items.map(({ replaces }) => replaces?.seq ?? null),
    stored === null ? bodies.map(({ length }) => length) : [stored.bytes],
    Buffer.concat(bodies),
    stored?.body ?? null,
  ];
}
