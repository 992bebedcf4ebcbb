/** What the documents for those who approve say is so: ports, ids of tests, places. */
import assert from "node:assert/strict";
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { loadLocalConfig } from "#config/local.ts";
import { PLATFORMS } from "#releases/platforms.ts";

const FOLDER = "docs/assurance";
const page = (name: string): string => readFileSync(join(FOLDER, name), "utf8");
const rowsOf = (text: string): readonly (readonly string[])[] =>
  [...text.matchAll(/^\| (.*) \|$/gm)].map(([, row = ""]) =>
    row.split(" | ").map((cell) => cell.trim()),
  );

const CHANNEL = "channels:\n  - { name: adt, kind: mllp-listener, port: 2575 }\n";
/** The row of the firewall sheet that begins with this. */
const port = (what: string): string =>
  rowsOf(page("firewall-sheet.md")).find(([first]) => first === what)?.[4] ?? assert.fail(what);

function loaded(more: string): ReturnType<typeof loadLocalConfig> {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-sheet-"));
  try {
    const file = join(folder, "local.yaml");
    writeFileSync(
      file,
      `stateDir: ${folder}/state\nreceiver: { url: wss://gateway.example.org }\n${CHANNEL}${more}`,
    );
    return loadLocalConfig(file);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("[09 SV19] the ports of the firewall sheet are those of the configuration", () => {
  const config = loaded("siem: { host: siem.example.org, caFile: ca.pem }\n");
  assert.equal(
    new URL("https://gateway.example.org:443").port,
    "",
    "443 is what a URL without a port means",
  );
  assert.match(port("`receiver.url`"), /^443\/tcp/);
  assert.equal(port("`siem`"), `${config.siem?.port}/tcp`);
  const { statusPage } = config;
  assert.equal(port("`statusPage`"), `${statusPage?.port}/tcp`);
  assert.equal(statusPage?.host, "127.0.0.1");
  for (const [tls, said] of [
    ["starttls", "587/tcp with `tls: starttls` (default)"],
    ["implicit", "465/tcp with `implicit`"],
    ["none", "25/tcp with `none`"],
  ] as const) {
    const { mail } = loaded(
      `mail: { host: mail.example.org, from: a@b.example, to: [c@b.example], tls: ${tls} }\n`,
    );
    assert.ok(port("`mail`").includes(said) && said.startsWith(`${mail?.port}/`), tls);
  }
  assert.equal(
    loaded("mail: { host: m.example.org, from: a@b.example, to: [c@b.example] }\n").mail?.tls,
    "starttls",
  );
  for (const kind of ["mllp-listener", "mllp-sender"]) {
    const without = `channels:\n  - { name: adt, kind: ${kind}, host: 127.0.0.1 }\n`;
    const folder = mkdtempSync(join(tmpdir(), "holdfast-sheet-"));
    const file = join(folder, "local.yaml");
    writeFileSync(file, `stateDir: s\nreceiver: { url: wss://gateway.example.org }\n${without}`);
    assert.throws(() => loadLocalConfig(file), /port/, `${kind} has no default port`);
    rmSync(folder, { recursive: true });
  }
  assert.equal(port("a channel `mllp-listener`"), "its `port`: no default");
});

test("[09 5] each row of the mapping names tests that exist, and each requirement one at least", () => {
  const named = new Set<string>();
  const LONG = /\.(?:long|scene)\.ts$/;
  for (const file of globSync("test/**/*.ts").filter((one) => !LONG.test(one))) {
    // As `npm run check` looks for claimed rules.
    const groups = readFileSync(file, "utf8").matchAll(
      /\[((?:[A-Z][A-Za-z0-9-]*)(?:,\s*[A-Z][A-Za-z0-9-]*)*)\]/g,
    );
    for (const [, ids = ""] of groups) for (const id of ids.split(/,\s*/)) named.add(id);
  }
  const rows = rowsOf(page("mapping.md")).filter(
    ([first]) => first !== "requirement" && first !== "---",
  );
  assert.ok(rows.length > 40);
  for (const [requirement = "", , ids = ""] of rows) {
    assert.match(ids, /^[A-Z][A-Za-z0-9-]*(?: [A-Z][A-Za-z0-9-]*)*$/, requirement);
    for (const id of ids.split(" "))
      assert.ok(named.has(id), `${requirement}: no test names ${id}`);
  }
});

test("[09 2.1] accounts, modes and paths of the documents are those of the unit and what makes the account", () => {
  const text = `${page("service-account.md")}${page("antivirus.md")}`;
  const unit = readFileSync("installer/linux/holdfast.service", "utf8");
  for (const setting of [
    ...["NoNewPrivileges=yes", "CapabilityBoundingSet=", "ProtectSystem=strict", "ProtectHome=yes"],
    ...["LimitCORE=0", "MemoryMax=1G", "TasksMax=128", "User=holdfast", "StateDirectoryMode=0700"],
    ...["LogsDirectoryMode=0700", "ExecPaths=/opt/holdfast /usr/lib -/usr/lib64 /lib -/lib64"],
    "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK",
  ]) {
    assert.ok(unit.includes(`\n${setting}\n`), setting);
  }
  assert.match(text, /1 GB of memory and 128 tasks/);
  const folder = readFileSync("installer/linux/tmpfiles.conf", "utf8");
  assert.match(folder, /^d \/run\/holdfast 2750 holdfast holdfast-approvers -$/m);
  assert.match(text, /`\/run\/holdfast` \| holdfast:holdfast-approvers, 2750/);
  for (const group of ["holdfast", "holdfast-approvers"]) {
    assert.match(
      readFileSync("installer/linux/sysusers.conf", "utf8"),
      new RegExp(`^g +${group} `, "m"),
    );
  }
  assert.ok(Object.hasOwn(PLATFORMS, "linux-x64"), "an installed executable can be verified");
});

test("[09 5] what the documents name is there: files, settings, conditions", () => {
  const conditions = globSync("agent/health/*-warnings.ts")
    .map((file) => readFileSync(file, "utf8"))
    .join("");
  const { retainHours, ledgerDays, auditKeepDays, policy } = loaded("");
  const all = globSync(`${FOLDER}/*.md`);
  assert.equal(all.length, 8);
  for (const file of all) {
    const text = readFileSync(file, "utf8");
    for (const [, link = ""] of text.matchAll(/\]\(([^)#]+)\)/g)) {
      assert.ok(existsSync(join(dirname(file), link)), `${file}: ${link}`);
    }
    for (const [, name = ""] of text.matchAll(/`((?:file|config|disk|outbox)[A-Z][A-Za-z]+)`/g)) {
      if (/^(?:configSource)$/.test(name)) continue;
      assert.match(conditions, new RegExp(`^ {2}${name}: \\{`, "m"), `${file}: ${name}`);
    }
  }
  assert.match(page("data-flow.md"), new RegExp(`\`retainHours\` \\(${retainHours}\\)`));
  assert.match(page("data-flow.md"), new RegExp(`\`ledgerDays\` \\(${ledgerDays}\\)`));
  assert.match(page("mds2.md"), new RegExp(`kept ${auditKeepDays.toLocaleString("en")} days`));
  assert.equal(policy.support.consentLevel, 0, "the level that the hospital says [0]");
});
