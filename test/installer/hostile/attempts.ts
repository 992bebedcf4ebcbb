/** What somebody tries who has got code to run inside the executable, in whichever thread. @module */
import { spawnSync } from "node:child_process";

/** By name: the code of the error that it ended with, or `done`. */
export type Attempts = Readonly<Record<string, string>>;

/** @param dropped a program that was put somewhere */
export function attempts(dropped: string): Attempts {
  const text = "1 + 1";
  const started = (program: string, ...args: string[]): string =>
    (spawnSync(program, args).error as { code?: string } | undefined)?.code ?? "done";
  return {
    // biome-ignore lint/security/noGlobalEval: it is what is tried.
    eval: tried(() => globalThis.eval(text)),
    function: tried(() => new Function(text)),
    asyncFunction: tried(() => Reflect.construct((async () => {}).constructor, [text])),
    // biome-ignore lint/suspicious/noProto: as above.
    proto: tried(() => (({}) as { readonly __proto__: unknown }).__proto__),
    shell: started("/bin/sh", "-c", "true"),
    dropped: started(dropped),
    own: started(process.execPath, "own"),
  };
}

function tried(what: () => unknown): string {
  try {
    what();
    return "done";
  } catch (error) {
    return (error as Error).constructor.name;
  }
}
