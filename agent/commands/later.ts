/** Commands whose code is loaded once they are chosen: a command needs a tenth of what all of them do. @module */

/**
 * @param load its module, such as `() => import("../cli/status.ts")`
 * @returns a function that loads the module, then does what the one of that name does
 */
export function later<Module, Name extends keyof Module>(
  load: () => Promise<Module>,
  name: Name,
): Module[Name] extends (...args: infer Args) => infer Result
  ? (...args: Args) => Promise<Awaited<Result>>
  : never;
export function later(load: () => Promise<Record<string, unknown>>, name: string) {
  return async (...args: readonly unknown[]): Promise<unknown> => {
    const act = (await load())[name] as (...args: readonly unknown[]) => unknown;
    return act(...args);
  };
}
