/** Whether a browser means us by the name in `Host`: a name of somebody else's may be made to point here (DNS rebinding). @module */
import { isIP } from "node:net";

export interface Place {
  /** Only this machine reaches it. */
  readonly isLoopback: boolean;
  /** What else it is called; lower case. */
  readonly hostNames: readonly string[];
}

/** An address cannot be made to point elsewhere; a name can, and has to be known. @param said the value of `Host` */
export function isOwnHost(said: string, { isLoopback, hostNames }: Place): boolean {
  const [, bracketed, plain] =
    /^(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]]+))(?::\d{1,5})?$/.exec(said) ?? [];
  if (bracketed !== undefined) {
    return isIP(bracketed) === 6 && (!isLoopback || bracketed === "::1");
  }
  const name = plain?.toLowerCase() ?? "";
  if (isIP(name) === 4) return !isLoopback || name.startsWith("127.");
  return name === "localhost" || hostNames.includes(name);
}
