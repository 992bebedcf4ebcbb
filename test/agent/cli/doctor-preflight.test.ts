/** `holdfast doctor` as IT runs it: before there is anything, with a receiver, on a page to print. @module */
import assert from "node:assert/strict";
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";
import { doctorPage } from "#agent/cli/doctor-page.ts";
import { type Check, Report } from "#agent/cli/doctor-report.ts";
import { notice, ok, problem, warning } from "#agent/cli/finding.ts";
import { type FirewallLine, firewallLines } from "#agent/cli/firewall-lines.ts";
import { TroubledPair } from "#test/faults/troubled-pair.ts";
import { connectProxy } from "#test/support/connect-proxy.ts";
import { Started } from "#test/support/processes.ts";
import { programFile } from "#test/support/programs.ts";
import { StubPort } from "#test/support/stub-port.ts";

const CHROMIUM = "/usr/bin/chromium";
const folder = mkdtempSync(join(tmpdir(), "holdfast-preflight-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const nowhere = join(folder, "none/local.yaml");

interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly checks: Readonly<Record<string, Check>>;
  readonly firewall: readonly FirewallLine[];
}

async function doctor(...args: readonly string[]): Promise<Ran> {
  await using asked = new Started([
    process.execPath,
    programFile("agent/main.ts"),
    "doctor",
    ...args,
  ]);
  let out = "";
  asked.child.stdout?.setEncoding("utf8").on("data", (part: string) => {
    out += part;
  });
  const { code } = await asked.ended;
  if (!args.includes("--json")) return { code, out: out + asked.errors, checks: {}, firewall: [] };
  const { checks, firewall } = JSON.parse(out) as { checks: readonly Check[]; firewall: [] };
  const rows = checks.map((check) => [`${check.section} ${check.name}`, check]);
  return { code, out, checks: Object.fromEntries(rows), firewall };
}

describe("before there is a local.yaml", () => {
  test("[09 5] doctor alone says whether the machine is fit, and how to ask about the way", async () => {
    const { code, checks } = await doctor("--config", nowhere, "--json");
    assert.equal(code, 0);
    assert.equal(checks["configuration local.yaml"]?.verdict, "notice");
    assert.match(checks["configuration local.yaml"]?.remedy ?? "", /--receiver HOST:PORT/);
    const names = ["machine native code", "machine memory", "store flush", "clock kept"];
    for (const name of names) assert.ok(checks[name] !== undefined, name);
  });

  test("[08 8] [EN2] with a receiver the whole way is tried, nothing of ours is shown, and what it shows is told", async () => {
    using pair = await TroubledPair.make();
    withCa(pair);
    await using _receiver = await pair.receiver();
    const host = new URL(pair.pair.receiver).host;
    const { code, checks, firewall } = await doctor("--receiver", host, "--json");
    assert.equal(code, 0);
    const own = Object.values(checks).filter(({ section }) => section === "receiver");
    assert.deepEqual(
      own.map(({ name, verdict }) => `${name} ${verdict}`),
      ["environment ok", "name ok", "connection ok", "TLS ok", "shown notice", "upgrade ok"],
    );
    assert.match(
      checks["receiver shown"]?.text ?? "",
      /SHA-256 of the last certificate shown: [0-9a-f]{64}/,
    );
    assert.equal(checks["clock receiver"]?.text, "Agrees with the receiver's");
    assert.ok(firewall.some(({ direction, to }) => direction === "out" && host.startsWith(to)));
  });

  test("[07 1.10] through a proxy; and one that is away is 69, at the step at which it is", async () => {
    using pair = await TroubledPair.make();
    await using _receiver = await pair.receiver();
    await using proxy = await StubPort.open(connectProxy());
    const host = new URL(pair.pair.receiver).host;
    const asked = ["--receiver", host, "--json", "--proxy"];
    const ran = await doctor(...asked, `http://127.0.0.1:${proxy.port}`);
    assert.deepEqual([ran.code, ran.checks["receiver proxy"]?.verdict], [0, "ok"]);
    assert.deepEqual(
      ran.firewall.slice(0, 2).map(({ direction }) => direction),
      ["within", "out"],
    );
    const away = await doctor(...asked, "http://127.0.0.1:1");
    assert.equal(away.code, 69);
    assert.equal(away.checks["receiver connection"]?.facts["error"], "TUNNEL_PROXY_UNREACHABLE");
    assert.equal(away.checks["receiver TLS"], undefined);
  });

  test("[08 8] something that accepts and says nothing is given up, within 30 s of all", async () => {
    await using silent = await StubPort.open(() => {});
    const sinceMs = performance.now();
    const { code, checks } = await doctor("--receiver", `127.0.0.1:${silent.port}`, "--json");
    assert.ok(performance.now() - sinceMs < 30_000);
    assert.equal(code, 69);
    assert.equal(checks["receiver TLS"]?.facts["error"], "TUNNEL_TLS_TIMEOUT");
  });

  test("[01] what is no host, and a proxy without a receiver, are usage", async () => {
    for (const args of [
      ["--receiver", "http://a"],
      ["--receiver", "wss://user@a"],
      ["--proxy", "http://a:1"],
      ["--receiver", "a", "--proxy", "https://a"],
    ]) {
      assert.equal((await doctor(...args)).code, 64, args.join(" "));
    }
  });
});

/** As receivers do that enrol: with the CA behind the certificate. */
function withCa({ folder: root }: TroubledPair): void {
  const ca = readFileSync(join(root, "agent/identity/receiver-ca.crt"));
  appendFileSync(join(root, "receiver/tls/server.crt"), ca);
}

describe("with a local.yaml", () => {
  test("[01] one with a mistake is a problem with its line; the machine is looked at all the same", async () => {
    const config = join(folder, "wrong.yaml");
    writeFileSync(config, "stateDir: x\nreciever: 1\n");
    const { code, checks } = await doctor("--config", config, "--json");
    assert.equal(code, 78);
    assert.match(checks["configuration local.yaml"]?.text ?? "", /wrong\.yaml:\d+:\d+: /);
    assert.ok(checks["machine memory"] !== undefined);
  });

  test("[09 SV7] a port that another program has is a problem that names it; the agent's own is not", async () => {
    using pair = await TroubledPair.make();
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(pair.pair.mllp.port, "127.0.0.1", resolve));
    const taken = await doctor("--config", pair.pair.agentConfig, "--json");
    await new Promise((resolve) => server.close(resolve));
    assert.equal(taken.code, 78);
    assert.match(taken.checks["ports adt"]?.text ?? "", new RegExp(`process ${process.pid} `));
    assert.equal(taken.checks["ports adt"]?.facts["pid"], process.pid);
    await using agent = await pair.agent();
    const own = await doctor("--config", pair.pair.agentConfig, "--json");
    assert.match(own.checks["ports adt"]?.text ?? "", /the agent listens$/);
    assert.match(own.checks["ports status-page"]?.text ?? "", /the agent listens$/);
    assert.equal(own.code, 0, own.out);
    await agent.end("SIGTERM");
  });
});

test("[09 SV19] one firewall line for each connection, and none for what stays on the machine", () => {
  const channel = { name: "adt", kind: "mllp-listener", port: 2_575 };
  const inside = { ...channel, host: "127.0.0.1", allow: [] };
  const outside = {
    ...channel,
    name: "oru",
    host: "10.1.2.3",
    allow: ["10.20.0.0/16", "10.3.0.9"],
  };
  const set = { channels: [inside, outside] } as unknown as Parameters<typeof firewallLines>[1];
  const lines = firewallLines({ receiver: { url: "wss://gateway.example.org" } }, set);
  const said = lines.map(({ direction, from, to, port }) => `${direction} ${from} > ${to} ${port}`);
  assert.deepEqual(said, [
    "out this machine > gateway.example.org 443/tcp",
    "in 10.20.0.0/16 > this machine (10.1.2.3) 2575/tcp",
    "in 10.3.0.9 > this machine (10.1.2.3) 2575/tcp",
    "within this machine > DNS servers 53/udp, 53/tcp",
    "within this machine > time servers 123/udp",
    "in the internet > this machine none",
  ]);
});

/** With everything that a page can have. */
function report(): Report {
  const made = new Report();
  const long = "a-name-with-no-place-to-break-0123456789".repeat(3);
  made.add("configuration", { "local.yaml": ok("/etc/holdfast/local.yaml: owner 0", {}) });
  made.add("ports", { adt: problem("10.1.2.3 port 2575: <b>taken</b>", {}, "Stop it") });
  made.add("clock", { kept: warning("Nothing keeps it right", {}, "Have chrony keep it") });
  made.add("names", { [long]: notice(`10.1.2.3, ${long}`, {}, "It comes from /etc/hosts") });
  made.firewall = firewallLines({ receiver: { url: `wss://${"gateway.".repeat(8)}org` } }, {});
  return made;
}
const HEAD = {
  ...{ machine: "gw-01", system: "linux 6.1", account: "holdfast", version: "1.0.0", atMs: 0 },
};

describe("the page", () => {
  test("[08 8] it is written once, never over a file, with what the terminal shows, and no secret", async () => {
    const file = join(folder, "page.html");
    const first = await doctor("--config", nowhere, "--page", file);
    assert.equal(first.code, 0, first.out);
    const page = readFileSync(file, "utf8");
    assert.match(page, /Holdfast: is this machine fit/);
    assert.match(page, /native code/);
    assert.doesNotMatch(page, /<script|https?:\/\/|PRIVATE KEY/);
    const second = await doctor("--config", nowhere, "--page", file);
    assert.match(second.out, /FILE_EXISTS/);
    assert.equal(second.code, 73);
    assert.equal(readFileSync(file, "utf8"), page);
  });

  test("[PL8] what was found cannot become markup", () => {
    assert.match(doctorPage(report(), HEAD), /&lt;b&gt;taken&lt;\/b&gt;/);
  });

  test("[08 8] at the width of A4, on a telephone and on paper: nothing beside the edge, no violation of accessibility", async (t) => {
    if (!existsSync(CHROMIUM)) {
      return t.skip("not tested: the page of doctor; no chromium (Debian package chromium)");
    }
    const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
    const file = join(folder, "shown.html");
    writeFileSync(file, doctorPage(report(), HEAD));
    await using browser = await chromium.launch({
      ...{ executablePath: CHROMIUM, args: ["--no-sandbox"] },
    });
    const kept = process.env["HOLDFAST_SCREENSHOTS"];
    for (const [width, media] of [
      [794, "print"],
      [794, "screen"],
      [390, "screen"],
    ] as const) {
      const context = await browser.newContext({
        viewport: { width, height: 1_123 },
        bypassCSP: true,
      });
      const page = await context.newPage();
      await page.emulateMedia({ media, colorScheme: "dark" });
      await page.goto(pathToFileURL(file).href);
      const [inside = 0, edge = 0] = (await page.evaluate(
        "[document.documentElement.scrollWidth, innerWidth]",
      )) as number[];
      assert.ok(inside <= edge, `${inside} at ${width}`);
      await page.evaluate(axe);
      const { violations } = (await page.evaluate("axe.run()")) as { violations: { id: string }[] };
      assert.deepEqual(
        violations.map(({ id }) => id),
        [],
      );
      if (kept !== undefined) {
        await page.screenshot({ path: join(kept, `doctor-${width}-${media}.png`), fullPage: true });
      }
      await context.close();
    }
  });
});
