/** Who connects, who listens, and whom they believe: told by the source. @module */
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { test } from "node:test";

const sources = globSync(
  "{agent,certs,config,defects,documents,packaged,pages,protocol,receiver,reconcile,releases,service-manager,streams}/**/*.ts",
).sort();
const isOf = (file: string, ...parts: readonly string[]): boolean =>
  parts.some((part) => file.startsWith(`${part}/`));

test("[EN2] [07 1.9] one look alone accepts any certificate, and every other connection says that it does not", () => {
  const connecting = /\brejectUnauthorized\b(?:\s*:\s*(\w+))?/g;
  const found = sources
    .filter((file) => isOf(file, "agent", "certs"))
    .flatMap((file) => {
      const text = readFileSync(file, "utf8").replaceAll(/\/\*[\s\S]*?\*\//g, "");
      return [...text.matchAll(connecting)].map(([, value]) => `${file} ${value}`);
    });
  assert.deepEqual(
    found.filter((one) => !one.endsWith(" true")).sort(),
    // The second is a listener: whether hospital systems have to show a certificate (03 C4).
    ["agent/tunnel/issuer-look.ts false", "agent/ingest/mllp/tls-server.ts required"].sort(),
  );
  assert.ok(found.includes("agent/tunnel/secure.ts true"));
  for (const file of sources) {
    assert.doesNotMatch(
      readFileSync(file, "utf8"),
      /NODE_TLS_REJECT_UNAUTHORIZED(?!=0 changes)/,
      file,
    );
  }
});

test("[I-7] the agent listens for hospital systems, for its own commands and its own page, and for nobody else", () => {
  const listening = sources.filter(
    (file) => isOf(file, "agent") && /\bcreateServer\(/.test(readFileSync(file, "utf8")),
  );
  assert.deepEqual(listening, [
    "agent/cli/listen.ts",
    "agent/host/local-socket.ts",
    // Hangs up on whoever comes to a port that systemd holds and no channel has.
    "agent/host/passed-sockets.ts",
    "agent/ingest/mllp/listener.ts",
    // Opens ports of another configuration for a moment, and hangs up on whoever comes.
    "agent/ingest/mllp/port-trial.ts",
    // For the handshake alone: it is given sockets that the listener accepted.
    "agent/ingest/mllp/tls-server.ts",
    // For whoever looks on this machine: answers questions, changes nothing (08 PL8).
    "agent/status-page/server.ts",
  ]);
});
