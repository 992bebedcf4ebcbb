/** The TCP fault proxy of the rigs, with types. @module */

interface ProxyStats {
  readonly connections: number;
  readonly resets: number;
  /** Bytes that went towards the upstream, and back. */
  readonly up: number;
  readonly down: number;
  readonly open: number;
}

export interface FaultProxy {
  readonly port: number;
  /** Keys as the head of `chaosproxy.mjs` lists them. */
  set(changes: Readonly<Record<string, number>>): void;
  clear(): void;
  /** Resets every connection. */
  reset(): void;
  stats(): ProxyStats;
  stop(): Promise<void>;
}

interface ProxyModule {
  startProxy(options: {
    readonly upstream: { readonly host: string; readonly port: number };
    readonly seed?: number;
  }): Promise<FaultProxy>;
}

const RIG = new URL("../rigs/net/chaosproxy.mjs", import.meta.url).href;

export async function startFaultProxy(upstreamPort: number): Promise<FaultProxy> {
  // The rig is JavaScript without declarations; `ProxyModule` is what its head promises.
  const rig = (await import(RIG)) as ProxyModule;
  return rig.startProxy({ upstream: { host: "127.0.0.1", port: upstreamPort }, seed: 1 });
}
