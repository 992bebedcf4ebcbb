/** What stands between the driver of a drop folder and its store or worker, to change some of the answers. @module */
import type { PickupMethod, PickupMethods } from "#agent/folders/messages.ts";
import type { FileClaims } from "#agent/ingest/file-drop/claims.ts";
import type { PickupHand } from "#agent/ingest/file-drop/parts.ts";

/** Methods that are put in place of the worker's; each gets the real one. */
export type Instead = {
  readonly [M in PickupMethod]?: (
    ask: PickupMethods[M]["ask"],
    real: () => Promise<PickupMethods[M]["answer"]>,
  ) => Promise<PickupMethods[M]["answer"]>;
};

export function handWith(own: PickupHand, instead: Instead): PickupHand {
  return {
    call: async (method, ask) => {
      const other = instead[method];
      const real = () => own.call(method, ask);
      return other === undefined ? await real() : await other(ask, real);
    },
    onHint: (listener) => own.onHint(listener),
    abort: () => own.abort(),
    [Symbol.asyncDispose]: () => own[Symbol.asyncDispose](),
  };
}

/** The store's own methods where there is no other. */
export function claimsWith(own: FileClaims, other: Partial<FileClaims>): FileClaims {
  return new Proxy(own, {
    get: (target, name: keyof FileClaims) => {
      const method = other[name] ?? target[name];
      return (...asked: unknown[]) => Reflect.apply(method, target, asked) as unknown;
    },
  });
}

/** Never comes: to whoever asked, the process ends here. */
export const never = <T>(): Promise<T> => new Promise<T>(() => {});
