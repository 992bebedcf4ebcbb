/** Which part may use which package. @module */

/** Packages with one place each (the dependency table of ARCHITECTURE.md). */
export const PACKAGE_PLACES: Readonly<Record<string, readonly string[]>> = {
  "better-sqlite3": ["packaged/sqlite.ts", "agent/outbox", "receiver/store"],
  // Its types, beside the one who loads it.
  koffi: ["packaged/foreign-functions.ts", "agent/host/windows"],
  pg: ["receiver/store"],
  ws: ["agent/tunnel", "receiver"],
  cborg: ["protocol"],
  winston: ["agent/host", "receiver/host"],
  commander: [
    "agent/main.ts",
    "agent/commands",
    "agent/release-commands.ts",
    "documents/cli/program.ts",
    "receiver/main.ts",
    "releases/cli/register.ts",
  ],
  yaml: ["config"],
  zod: [
    "agent/control",
    "agent/identity",
    "agent/updater",
    "certs",
    "config",
    "documents",
    "receiver",
    "releases",
  ],
  "tuf-js": ["releases"],
  "tuf-js/dist/error.js": ["releases/fetcher.ts"],
  "@tufjs/models": ["releases"],
  "@peculiar/x509": ["certs/issuing.ts"],
  // 07, Libraries: exactly two importers.
  "node-forge/lib/asn1.js": ["certs/csr.ts", "certs/p12.ts"],
  "node-forge/lib/pkcs12.js": ["certs/p12.ts"],
  "@platformatic/kafka": ["receiver/outlets/kafka-producer.ts"],
  "node-hl7-client": ["agent/cli"],
  "prom-client": ["agent/status-page/metrics.ts"],
  nodemailer: ["agent/mail"],
  sax: ["agent/mirth/xml-tree.ts"],
};
