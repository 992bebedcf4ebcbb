/** A queue of which nothing more is taken while its channel is held by hand. What is in hand is finished. @module */
import type { DeliveryQueue } from "./queue.ts";

/** Whether channels are held by hand, and when that changes. */
export interface Holds {
  isHeld(channel: string): boolean;
  onChange(tell: (channel: string) => void): Disposable;
}

export function heldQueue(queue: DeliveryQueue, channel: string, holds: Holds): DeliveryQueue {
  return {
    next: async () => (holds.isHeld(channel) ? undefined : await queue.next()),
    head: (id) => queue.head(id),
    body: (id, from, maxBytes) => queue.body(id, from, maxBytes),
    claim: (id) => queue.claim(id),
    noteTries: (id, tries) => queue.noteTries(id, tries),
    awaitAcknowledgment: (awaiting, reply) => queue.awaitAcknowledgment(awaiting, reply),
    awaiting: () => queue.awaiting(),
    settle: (id, outcome) => queue.settle(id, outcome),
    hold: (hold, reply) => queue.hold(hold, reply),
    held: () => queue.held(),
    release: (id) => queue.release(id),
    // Released, there may be some that came meanwhile.
    onArrival: (listener) => {
      const arrival = queue.onArrival(listener);
      const change = holds.onChange((changed) => {
        if (changed === channel) listener();
      });
      return {
        [Symbol.dispose]: () => {
          arrival[Symbol.dispose]();
          change[Symbol.dispose]();
        },
      };
    },
  };
}
