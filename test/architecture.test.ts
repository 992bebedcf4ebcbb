import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { PACKAGE_PLACES } from "./package-places.ts";

const BASE = [
  "agent/host",
  "agent/error-catalogue.ts",
  "agent/errors.ts",
  "agent/limits.ts",
  "agent/health",
];
/** The doorway: the files directly in `agent/ingest`. They know no source, and so no socket. */
const DOORWAY = globSync("agent/ingest/*.ts");

/**
 * Who may import whom: the table of ARCHITECTURE.md. A part that is absent from a row is forbidden
 * to it. Packages are listed where only one part may use them.
 */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  protocol: [],
  streams: ["protocol"],
  documents: [],
  // What both sides count, and how it is compared: pure.
  reconcile: ["protocol"],
  // The tool of those who sign: it reads YAML, asks the clock, and says exit codes like the other programs.
  "documents/cli": [
    "documents",
    "config",
    "agent/exit-codes.ts",
    "agent/host/atomic-file.ts",
    "agent/host/clock.ts",
    "releases/cli/register.ts",
  ],
  releases: ["documents", "agent/host/atomic-file.ts"],
  // The part of `holdfast-sign` that makes releases.
  "releases/cli": [
    "releases",
    "documents",
    "config/document.ts",
    "agent/host/atomic-file.ts",
    "agent/host/clock.ts",
  ],
  config: [
    "agent/host",
    "agent/errors.ts",
    "agent/limits.ts",
    "agent/ingest/hl7/charset-names.ts",
    "agent/folders/outlet-names.ts",
    "documents",
    "protocol",
  ],
  "config/document.ts": ["config/known-keys.ts"],
  "certs/agent-name.ts": [],
  "certs/ed25519.ts": [],
  "certs/token.ts": ["certs/agent-name.ts", "certs/ed25519.ts"],
  "certs/transcripts.ts": [],
  "certs/exchange.ts": ["certs/ed25519.ts"],
  // Pure: the receiver and the agent read certificates in the same way.
  "certs/der.ts": [],
  "certs/agent-profile.ts": ["certs/der.ts"],
  "certs/agent-csr.ts": ["certs/der.ts", "certs/exchange.ts"],
  "certs/issuing.ts": ["certs/reflect-metadata.ts", "certs/agent-profile.ts"],
  "certs/authority.ts": ["certs/issuing.ts", "certs/agent-profile.ts", "certs/agent-csr.ts"],
  "certs/development-ca.ts": ["certs/issuing.ts", "certs/agent-profile.ts"],
  "certs/csr.ts": [],
  "certs/p12.ts": [],
  "certs/profile.ts": ["certs/agent-profile.ts"],
  certs: ["agent/host", "agent/errors.ts", "agent/sealing"],
  // What pages of the agent and of the receiver are made of.
  pages: ["packaged"],
  // What both programs tell of an error that no part expected.
  defects: ["packaged"],
  // What a program brings along.
  packaged: [],
  // What both programs tell the service manager that started them.
  "service-manager": ["packaged"],
  "agent/exit-codes.ts": [],
  "agent/add-on-errors.ts": ["agent/exit-codes.ts"],
  "agent/folder-errors.ts": ["agent/exit-codes.ts"],
  "agent/identity-errors.ts": ["agent/exit-codes.ts"],
  "agent/config-errors.ts": ["agent/exit-codes.ts"],
  "agent/release-errors.ts": ["agent/exit-codes.ts"],
  "agent/service-errors.ts": ["agent/exit-codes.ts"],
  "agent/support-errors.ts": ["agent/exit-codes.ts"],
  "agent/store-errors.ts": ["agent/exit-codes.ts"],
  "agent/tunnel-errors.ts": ["agent/exit-codes.ts"],
  "agent/windows-errors.ts": ["agent/exit-codes.ts"],
  "agent/error-catalogue.ts": [
    "agent/exit-codes.ts",
    "agent/add-on-errors.ts",
    "agent/folder-errors.ts",
    "agent/identity-errors.ts",
    "agent/config-errors.ts",
    "agent/release-errors.ts",
    "agent/service-errors.ts",
    "agent/support-errors.ts",
    "agent/store-errors.ts",
    "agent/tunnel-errors.ts",
    "agent/windows-errors.ts",
  ],
  "agent/errors.ts": ["agent/error-catalogue.ts", "agent/exit-codes.ts", "agent/fact-names.ts"],
  "agent/fact-names.ts": [],
  "agent/limits.ts": [],
  "agent/host": [
    "defects",
    "packaged",
    "service-manager",
    "agent/errors.ts",
    "agent/fact-names.ts",
    "agent/limits.ts",
  ],
  "agent/health": ["agent/host", "agent/errors.ts", "agent/limits.ts"],
  "agent/ingest/hl7": [],
  "agent/ingest/mllp": [
    "agent/ingest/accept.ts",
    "agent/ingest/channel.ts",
    "agent/ingest/large-body.ts",
    "agent/ingest/hl7",
    ...BASE,
  ],
  "agent/folders/outlet-names.ts": [],
  "agent/folders": ["packaged", "agent/host", "agent/errors.ts", "agent/limits.ts"],
  "agent/ingest/file-drop/claims.ts": [],
  "agent/ingest/file-drop": [
    "agent/ingest/accept.ts",
    "agent/ingest/channel.ts",
    "agent/ingest/large-body.ts",
    "agent/ingest/hl7",
    "agent/folders",
    ...BASE,
  ],
  "agent/ingest": [
    ...DOORWAY,
    "agent/ingest/hl7",
    "agent/ingest/file-drop/claims.ts",
    "agent/outbox",
    ...BASE,
  ],
  "agent/sealing": ["agent/host", "agent/errors.ts", "agent/limits.ts"],
  "agent/outbox": [
    "packaged",
    "reconcile",
    "agent/sealing",
    "agent/deliver/queue.ts",
    "agent/ingest/file-drop/claims.ts",
    ...BASE,
  ],
  "agent/audit": ["agent/outbox/trust", "documents", ...BASE],
  "agent/marks": ["agent/outbox/trust", ...BASE],
  // Of the store only where nonces, audit and copies lie: no message.
  "agent/control": [
    "agent/audit",
    "agent/outbox/trust",
    "agent/outbox/support",
    "agent/status.ts",
    "config",
    "documents",
    ...BASE,
  ],
  "agent/siem": BASE,
  "agent/mail": BASE,
  // How the service is installed and kept by what starts programs on this machine.
  "agent/service": ["packaged", "config", ...BASE],
  // Root's side of an update: of the agent that runs it knows the snapshot alone.
  "agent/updater": [
    "agent/service/linux",
    "agent/status.ts",
    "releases",
    "config",
    "documents",
    ...BASE,
  ],
  // Pure: an export in, channels and remarks out.
  "agent/mirth": ["config"],
  "agent/deliver/queue.ts": [],
  "agent/deliver": ["agent/folders", "agent/ingest/hl7", "agent/ingest/mllp", ...BASE],
  "agent/identity": ["certs", "documents", "agent/tunnel", ...BASE],
  "agent/tunnel": ["protocol", "streams", "certs", ...BASE],
  "agent/relay": ["agent/outbox", "agent/tunnel", "protocol", "streams", ...BASE],
  "agent/running": [
    "agent/channel-options.ts",
    "agent/drop-options.ts",
    "agent/sender-options.ts",
    "agent/ingest",
    "agent/deliver",
    "agent/folders",
    "agent/relay",
    "agent/outbox",
    "config",
    ...BASE,
  ],
  "agent/configuration": [
    "agent/audit",
    "agent/marks",
    "agent/outbox/trust",
    "agent/deliver/queue.ts",
    "agent/running",
    "config",
    "documents",
    ...BASE,
  ],
  // It shows the one snapshot, and knows nobody who made it.
  "agent/status-page": ["agent/status.ts", "packaged", "pages", ...BASE],
  agent: [
    "agent",
    "packaged",
    "pages",
    "config",
    "certs",
    "documents",
    "reconcile",
    "releases",
    "service-manager",
    // The texts of the service, which the executable brings along.
    "installer/linux",
  ],
  receiver: [
    "defects",
    "packaged",
    "pages",
    "service-manager",
    // What an alarm means, and what to do: both ends say the same.
    "agent/health/catalogue.ts",
    "protocol",
    "streams",
    "reconcile",
    "config/document.ts",
    // Trust documents are verified before they are handed on.
    "documents",
    // What both ends of enrolment and renewal say, and nothing of where an agent keeps what.
    "certs/agent-name.ts",
    "certs/ed25519.ts",
    "certs/token.ts",
    "certs/transcripts.ts",
    "certs/exchange.ts",
    // The embedded CA, and how certificates and requests are read.
    "certs/der.ts",
    "certs/agent-profile.ts",
    "certs/agent-csr.ts",
    "certs/authority.ts",
  ],
};

const within = (path: string, part: string): boolean =>
  path === part || path.startsWith(`${part}/`);

/** The most specific row that covers a file. */
function rowOf(file: string): string | undefined {
  return Object.keys(MAY_IMPORT)
    .filter((part) => within(file, part))
    .sort((a, b) => b.length - a.length)[0];
}

function importsOf(file: string): string[] {
  const text = readFileSync(file, "utf8").replaceAll(/\/\*[\s\S]*?\*\//g, "");
  const found = text.matchAll(/(?:\bfrom|\bimport|new URL)\s*\(?\s*"([^"]+)"/g);
  return [...found].map(([, specifier = ""]) => {
    if (specifier.startsWith("#")) return specifier.slice(1);
    if (!specifier.startsWith(".")) return specifier;
    return new URL(specifier, `file:///${file}`).pathname.slice(1);
  });
}

const sources = globSync(
  "{agent,certs,config,defects,documents,packaged,pages,protocol,receiver,reconcile,releases,service-manager,streams}/**/*.ts",
).sort();
const isPackage = (target: string): boolean => !existsSync(target);

for (const [part, allowed] of Object.entries(MAY_IMPORT)) {
  test(`${part} imports only what its row allows`, () => {
    const files = sources.filter((file) => rowOf(file) === part);
    assert.notEqual(files.length, 0, `${part} is empty: remove its row`);
    for (const file of files) {
      for (const target of importsOf(file)) {
        if (isPackage(target) || target === "package.json") continue;
        const own = part === "agent/ingest" ? [] : [part];
        const mayImport = [...own, ...allowed].some((other) => within(target, other));
        assert.ok(mayImport, `${file} imports ${target}`);
      }
    }
  });
}

test("every file of the product is covered by a row of the import table", () => {
  for (const file of sources) assert.ok(rowOf(file), `${file} has no row`);
});

test("only relay knows both the outbox and the tunnel", () => {
  const both = sources.filter((file) => {
    const targets = importsOf(file);
    return (
      targets.some((target) => within(target, "agent/outbox")) &&
      targets.some((target) => within(target, "agent/tunnel"))
    );
  });
  const composition = ["agent/agent.ts", "agent/status.ts"];
  for (const file of both) {
    assert.ok(within(file, "agent/relay") || composition.includes(file), `${file} knows both`);
  }
});

test("each package has its place", () => {
  for (const file of sources) {
    for (const target of importsOf(file)) {
      const places = PACKAGE_PLACES[target];
      if (places === undefined) continue;
      assert.ok(
        places.some((place) => within(file, place)),
        `${file} imports ${target}`,
      );
    }
  }
});

test("[07 Libraries] the agent can issue nothing: it loads no CA", () => {
  const cas = ["certs/issuing.ts", "certs/authority.ts", "certs/development-ca.ts"];
  const others = sources.filter((file) => !within(file, "receiver") && !cas.includes(file));
  for (const file of others) {
    for (const target of importsOf(file)) {
      assert.ok(!cas.includes(target), `${file} imports ${target}`);
    }
  }
});

test("protocol does no I/O: it imports no node: module", () => {
  for (const file of sources.filter((source) => within(source, "protocol"))) {
    for (const target of importsOf(file)) assert.doesNotMatch(target, /^node:/, file);
  }
});

test("time, chance and platform come in through host", () => {
  const forbidden =
    /\bDate\.now\(|\bMath\.random\(|\bsetTimeout\(|\bsetInterval\(|\bprocess\.platform\b/;
  const hosts = ["agent/host", "receiver/host"];
  for (const file of sources) {
    if (hosts.some((host) => within(file, host)) || within(file, "certs")) continue;
    const found = forbidden.exec(readFileSync(file, "utf8"));
    assert.ok(found === null, `${file}: ${found?.[0]}`);
  }
});

test("no file of the product is longer than 400 lines", () => {
  for (const file of sources) {
    const lines = readFileSync(file, "utf8").split("\n").length;
    assert.ok(lines <= 401, `${file} has ${lines} lines`);
  }
});

test("there is no import cycle", () => {
  const seen = new Map<string, "open" | "done">();
  const visit = (file: string, path: readonly string[]): void => {
    if (seen.get(file) === "done") return;
    assert.notEqual(seen.get(file), "open", `cycle: ${[...path, file].join(" → ")}`);
    seen.set(file, "open");
    for (const target of importsOf(file)) {
      if (target.endsWith(".ts") && existsSync(target)) visit(target, [...path, file]);
    }
    seen.set(file, "done");
  };
  for (const file of sources) visit(file, []);
});

test("[TP40] the conformance runner knows nothing of what it judges", () => {
  const judged = ["agent", "receiver", "streams"];
  for (const file of globSync("scripts/conformance/**/*.ts")) {
    for (const target of importsOf(file)) {
      assert.ok(!judged.some((part) => within(target, part)), `${file} imports ${target}`);
    }
  }
});
