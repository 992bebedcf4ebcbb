/**
 * The console in a real browser: wide and narrow, light and dark, with and without JavaScript, by keyboard, and by the
 * rules of accessibility. With `HOLDFAST_SCREENSHOTS` set to a folder, pictures of it stay there.
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
import { AGENT, CONTROL_ID, ConsoleStage } from "../support/console-stage.ts";

const CHROMIUM = "/usr/bin/chromium";
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const skip = existsSync(CHROMIUM)
  ? false
  : "the console is not looked at: no chromium (Debian package chromium)";

const PAGES = [
  ...[["fleet", "/"] as const, ["agent", `/agents/${AGENT}`] as const],
  ...[["hours", `/hours/${AGENT}`] as const, ["look-up", "/look-up"] as const],
  ...[["questions", "/questions"] as const, ["people", "/people"] as const],
  ["log", "/log"] as const,
];

interface AxeResult {
  readonly violations: readonly { readonly id: string; readonly nodes: readonly object[] }[];
}

describe("the console in a browser", { skip }, () => {
  let browser: Browser;
  let stage: ConsoleStage;
  const kept = process.env["HOLDFAST_SCREENSHOTS"];
  const folder = kept ?? mkdtempSync(join(tmpdir(), "holdfast-pictures-"));
  before(async () => {
    stage = await ConsoleStage.open();
    await stage.populate();
    const other = await stage.enter("support", "Sam");
    await stage.settled(other);
    const question = { args: { channel: "adt", epoch: 1, seq: 7 } };
    await other.post("/questions", { document: stage.question("message.structure", question) });
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
  });
  after(async () => {
    await browser?.close();
    await stage?.[Symbol.asyncDispose]();
    if (kept === undefined) rmSync(folder, { recursive: true, force: true });
  });

  /** Comes with a link, as a person does; fails at the end if the browser complained. */
  async function looking(
    options: BrowserContextOptions,
    look: (page: Page) => Promise<void>,
  ): Promise<void> {
    const context = await browser.newContext(options);
    const complaints: string[] = [];
    const page = await context.newPage();
    page.on("console", (message) => void complaints.push(message.text()));
    page.on("pageerror", (error) => void complaints.push(error.message));
    page.on("request", (request) => {
      if (!request.url().startsWith(`${stage.origin}/`)) complaints.push(request.url());
    });
    try {
      await page.goto(`${stage.origin}/enter/${await stage.link("administrator", "Ada")}`);
      await page.getByRole("button", { name: "Sign in" }).click();
      await page.getByRole("heading", { name: /^Agents/ }).waitFor();
      await look(page);
    } finally {
      await context.close();
    }
    assert.deepEqual(complaints, []);
  }

  const atEdge = async (page: Page): Promise<void> => {
    const [inside, edge] = (await page.evaluate(
      "[document.documentElement.scrollWidth, innerWidth]",
    )) as [number, number];
    assert.ok(inside <= edge, `${page.url()}: ${inside} in ${edge}`);
  };

  for (const colorScheme of ["light", "dark"] as const) {
    for (const width of [1_280, 390]) {
      // Every page in each width and each colour; the first in all four.
      const isWhole = (width === 390) === (colorScheme === "dark");
      test(`[01 Receive] at ${width} px, ${colorScheme}: nothing beside the edge, no violation of accessibility`, async () => {
        const viewport = { width, height: 900 };
        await looking({ colorScheme, viewport, bypassCSP: true }, async (page) => {
          for (const [name, path] of isWhole ? PAGES : PAGES.slice(0, 1)) {
            await page.goto(`${stage.origin}${path}`);
            if (name === "agent") await page.locator(".u-over").first().waitFor();
            if (name === "look-up") {
              await page.locator("#control-id").fill(CONTROL_ID);
              await page.getByRole("button", { name: "Look it up" }).click();
              await page.getByRole("heading", { name: "2 found" }).waitFor();
            }
            await atEdge(page);
            const picture = join(folder, `console-${name}-${width}-${colorScheme}.png`);
            await page.screenshot({ path: picture, fullPage: true });
            assert.ok(statSync(picture).size > 10_000);
            await page.addScriptTag({ content: AXE });
            const { violations } = (await page.evaluate("axe.run()")) as AxeResult;
            const found = violations.map(({ id, nodes }) => `${id}: ${JSON.stringify(nodes[0])}`);
            assert.deepEqual(found, [], name);
          }
        });
      });
    }
  }

  test("[01 Receive] everything works without JavaScript: to come, to look up, to hand in a question", async () => {
    const viewport = { width: 1_280, height: 900 };
    await looking({ javaScriptEnabled: false, viewport }, async (page) => {
      await page.getByRole("link", { name: AGENT }).first().click();
      assert.equal(await page.locator(".waits").first().isVisible(), false);
      assert.match((await page.locator("main").textContent()) ?? "", /Longest wait in a day/);
      await page.getByRole("link", { name: "Look up a message" }).click();
      await page.locator("#control-id").fill(CONTROL_ID);
      await page.getByRole("button", { name: "Look it up" }).click();
      await page.getByRole("heading", { name: "2 found" }).waitFor();
      assert.doesNotMatch(page.url(), new RegExp(CONTROL_ID));
      await page.getByRole("link", { name: "Questions" }).click();
      await page.getByLabel("The signed document").fill(stage.question("clock.check"));
      await page.getByRole("button", { name: "Hand it in" }).click();
      await page.getByText("clock.check for north/ward-1 waits").waitFor();
      await page.getByRole("link", { name: "Questions" }).click();
      await page
        .getByRole("article", { name: /clock\.check/ })
        .getByRole("button", { name: "Take it back" })
        .click();
      await page.getByRole("button", { name: "Sign out", exact: true }).click();
      await page.getByRole("heading", { name: "Signed out" }).waitFor();
    });
  });

  test("[01 Receive] by keyboard one comes to an agent, and the page is news by itself", async () => {
    await looking({ viewport: { width: 1_280, height: 900 } }, async (page) => {
      await page.keyboard.press("Tab");
      const skipLink = page.locator(".skip");
      assert.equal(await skipLink.evaluate((one) => one.matches(":focus-visible")), true);
      await page.keyboard.press("Enter");
      await page.keyboard.press("Tab");
      await page.keyboard.press("Enter");
      await page.waitForURL(`**/agents/${AGENT}`);
      const now = await page.locator(".asof time").getAttribute("datetime");
      await page.locator(`.asof time:not([datetime="${now}"])`).waitFor();
      assert.ok(await page.locator(".u-over").first().isVisible(), "the chart stays");
    });
  });
});
