/** The network as probes of support use it: one look-up, one connection, and at most the look at certificates (08 4.4). @module */
import { lookup } from "node:dns/promises";
import type { ProbeNetwork } from "./control/probes.ts";
import type { Clock } from "./host/clock.ts";
import { chainShown } from "./tunnel/issuer-look.ts";
import { openTcp } from "./tunnel/tcp.ts";

export const probeNetwork = (clock: Clock): ProbeNetwork => ({
  resolve: async (host) => (await lookup(host, { all: true })).map(({ address }) => address),
  connect: (address, port, signal) => openTcp({ host: address, port, clock, signal }),
  certificates: async (socket, host, signal) => {
    const chain = await chainShown({ socket, host, clock, signal });
    return chain.map(({ pem }) => pem);
  },
});
