/** What orders hold that could not be carried out. @module */
import { unpacked } from "./append-batch.ts";
import type { WriteOrder } from "./writer-messages.ts";

export function ticketsOf(orders: readonly WriteOrder[]): number[] {
  return orders.flatMap((order) =>
    order.order === "append" ? [...unpacked(order.batch)].map((entry) => entry.ticket) : [],
  );
}

/** Of large bodies that were staged. */
export function uploadsOf(orders: readonly WriteOrder[]): number[] {
  return orders.flatMap((order) =>
    order.order === "append"
      ? [...unpacked(order.batch)].flatMap(({ upload }) => (upload === 0 ? [] : [upload]))
      : [],
  );
}
