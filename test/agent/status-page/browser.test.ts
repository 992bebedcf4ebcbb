/**
 * The page in a real browser: wide and narrow, light and dark, with and without JavaScript, by keyboard, and by the rules
 * of accessibility. With `HOLDFAST_SCREENSHOTS` set to a folder, pictures of it stay there.
 *
 * @module
 */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import type { AgentStatus } from "#agent/status.ts";
import { agentStatus, alarmed, at, channelStatus } from "#test/support/agent-status.ts";
import { OpenedPage } from "#test/support/opened-page.ts";

const CHROMIUM = "/usr/bin/chromium";
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const skip = existsSync(CHROMIUM)
  ? false
  : "the page is not looked at: no chromium (Debian package chromium)";

/** A bad night. */
const BAD: Partial<AgentStatus> = {
  alarms: [
    ...alarmed("tunnelDown", "").alarms,
    ...alarmed("openToAll", "oru-laboratory", { channel: "oru-laboratory" }).alarms,
  ],
  conditions: [...alarmed("tunnelDown", "").conditions, ...alarmed("openToAll", "oru").conditions],
  tunnel: {
    ...{ state: "disconnected", since: at(120), nextAttemptInSeconds: 12, session: undefined },
    ...{ windowBytes: 0, clockSkewMs: undefined, lastError: "TUNNEL_TCP_REFUSED" },
    ...{ reason: "ECONNREFUSED", summary: "The host of receiver.url refuses connections" },
    ...{ remedy: "Check host and port; then ask whether a firewall rejects them", facts: {} },
  },
  channels: [
    channelStatus({ waiting: 1_204n, waitingBytes: 3_000_000, oldestWaitingAt: at(120) }),
    channelStatus({
      name: "a-channel-with-the-longest-name-that-one-can-have-0123456789-abcd",
      observed: {
        peers: [
          {
            ...{ address: "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", name: "lis.hospital.local" },
            ...{ connections: 2, connectionsTotal: 88, messages: 120_000, lastSeenAt: at(1) },
            lastReply: "AA",
          },
        ],
        pairs: [{ accept: "AL", application: "NE", count: 120_000 }],
        warnings: [
          {
            ...({ warning: "charsetMismatch", text: "The bytes are not in the set" } as const),
            ...{ count: 7, lastAt: at(60), peer: "10.0.0.1:40000" },
            controlId: "0123456789012345678901234567890123456789012345678901234567890123",
          },
        ],
        lastReply: { code: "AE", at: at(2) },
        lastMessageAt: at(2),
      },
      counters: { received: 120_000, stored: 119_000, duplicates: 1_000, charsetMismatch: 7 },
    }),
  ],
};

interface AxeResult {
  readonly violations: readonly { readonly id: string; readonly nodes: readonly object[] }[];
}

describe("the page in a browser", { skip }, () => {
  let browser: Browser;
  const kept = process.env["HOLDFAST_SCREENSHOTS"];
  const folder = kept ?? mkdtempSync(join(tmpdir(), "holdfast-pictures-"));
  before(async () => {
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
  });
  after(async () => {
    await browser?.close();
    if (kept === undefined) rmSync(folder, { recursive: true, force: true });
  });

  /** Fails at the end if the browser complained: a policy that was broken, a script that threw. */
  async function looking(
    opened: OpenedPage,
    options: BrowserContextOptions,
    look: (page: Page) => Promise<void>,
  ): Promise<void> {
    const context = await browser.newContext(options);
    const complaints: string[] = [];
    const foreign: string[] = [];
    const page = await context.newPage();
    page.on("console", (message) => void complaints.push(message.text()));
    page.on("pageerror", (error) => void complaints.push(error.message));
    const base = `http://127.0.0.1:${opened.port}`;
    page.on("request", (request) => {
      if (!request.url().startsWith(`${base}/`)) foreign.push(request.url());
    });
    await page.goto(`${base}/`);
    try {
      await look(page);
    } finally {
      await context.close();
    }
    assert.deepEqual({ complaints, foreign }, { complaints: [], foreign: [] });
  }

  for (const colorScheme of ["light", "dark"] as const) {
    for (const width of [1_280, 390]) {
      for (const [mood, status] of [["good", {}] as const, ["bad", BAD] as const]) {
        test(`[PL8] at ${width} px, ${colorScheme}, on a ${mood} night: nothing beside the edge, no violation of accessibility`, async () => {
          await using opened = await OpenedPage.open({ status });
          await looking(
            opened,
            { colorScheme, viewport: { width, height: 900 }, bypassCSP: true },
            async (page) => {
              await page.evaluate(
                "document.querySelectorAll('details').forEach((d) => d.open = true)",
              );
              const [inside, edge] = (await page.evaluate(
                "[document.documentElement.scrollWidth, innerWidth]",
              )) as [number, number];
              assert.ok(inside <= edge, `${inside} in ${edge}`);
              const picture = join(folder, `${mood}-${width}-${colorScheme}.png`);
              await page.screenshot({ path: picture, fullPage: true });
              assert.ok(statSync(picture).size > 10_000);
              await page.addScriptTag({ content: AXE });
              const { violations } = (await page.evaluate("axe.run()")) as AxeResult;
              assert.deepEqual(
                violations.map(({ id, nodes }) => `${id}: ${JSON.stringify(nodes[0])}`),
                [],
              );
            },
          );
        });
      }
    }
  }

  test("[PL8] says the same without JavaScript", async () => {
    await using opened = await OpenedPage.open({ status: BAD });
    const viewport = { width: 1_280, height: 900 };
    await looking(opened, { javaScriptEnabled: false, viewport }, async (page) => {
      const text = await page.locator("main").textContent();
      assert.match(text ?? "", /^\s*The receiver is not reached/);
      assert.match(text ?? "", /Waits: the tunnel is down/);
      assert.equal(await page.locator("noscript").isVisible(), true);
      assert.equal(await page.locator(".charts").isVisible(), false);
    });
  });

  test("by keyboard one comes to the channels, and opens what a channel keeps back", async () => {
    await using opened = await OpenedPage.open({ status: BAD });
    await looking(opened, { viewport: { width: 1_280, height: 900 } }, async (page) => {
      await page.keyboard.press("Tab");
      assert.equal(
        await page.locator(".skip").evaluate((one) => one.matches(":focus-visible")),
        true,
      );
      await page.keyboard.press("Enter");
      assert.match(page.url(), /#channels$/);
      await page.keyboard.press("Tab");
      await page.keyboard.press("Enter");
      await page.getByText("(AL, NE)").waitFor({ state: "visible" });
    });
  });

  test("it is news by itself: what changed changes, and what was opened and has the focus stays", async () => {
    await using opened = await OpenedPage.open({ status: { channels: BAD.channels ?? [] } });
    await looking(opened, { viewport: { width: 1_280, height: 900 } }, async (page) => {
      await page.getByText("Everything works").waitFor();
      const summary = page.locator("summary").first();
      await summary.focus();
      await page.keyboard.press("Enter");
      opened.status = () => Promise.resolve(agentStatus(BAD));
      await page.getByText("The receiver is not reached").first().waitFor();
      await page.getByRole("heading", { name: /^Also/ }).waitFor();
      assert.equal(await page.getByText("(AL, NE)").isVisible(), true);
      assert.equal(await summary.evaluate((one) => one.matches(":focus")), true);
      assert.equal(await page.title(), "Holdfast: tunnel down");
    });
  });

  test("an agent that is gone is told: what is shown is old", async () => {
    const opened = await OpenedPage.open();
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(`http://127.0.0.1:${opened.port}/`);
    await page.getByText("Everything works").waitFor();
    await opened[Symbol.asyncDispose]();
    await page.getByText("The agent does not answer: what you see is old.").waitFor();
    await context.close();
  });
});
