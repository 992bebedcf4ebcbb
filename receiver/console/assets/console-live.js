// Looks again every few seconds, and says so when the receiver says nothing. Without this file the page is whole, and
// loads itself anew.
import { become } from "/become.js";

const EVERY_MS = 5_000;
const SILENT_AFTER_MS = 15_000;

let lookedAt = Date.now();
let isLooking = false;

async function look() {
  // Whoever types is not disturbed.
  if (isLooking || document.hidden || document.activeElement?.matches("input")) return tell();
  isLooking = true;
  try {
    const answer = await fetch(location.href, { signal: AbortSignal.timeout(SILENT_AFTER_MS) });
    if (!answer.ok && answer.status !== 403) return;
    // Whoever was away is signed out, and told so here: loading the page anew would let a certificate in again.
    if (answer.status === 403) clearInterval(every);
    const next = new DOMParser().parseFromString(await answer.text(), "text/html");
    become(document.querySelector("main"), next.querySelector("main"));
    const [now, then] = [document, next].map((one) => one.querySelector(".asof"));
    if (now !== null && then !== null) become(now, then);
    document.title = next.title;
    const [icon, nextIcon] = [document, next].map((one) => one.querySelector("link[rel=icon]"));
    if (icon.getAttribute("href") !== nextIcon.getAttribute("href")) icon.replaceWith(nextIcon);
    lookedAt = Date.now();
  } catch {
    // Told below.
  } finally {
    isLooking = false;
    tell();
  }
}

/** An old page that looks new is worse than none. */
function tell() {
  const link = document.querySelector("#link");
  if (link === null) return;
  const isSilent = !document.hidden && Date.now() - lookedAt > SILENT_AFTER_MS;
  const text = isSilent ? "The receiver does not answer: what you see is old. " : "";
  if (link.textContent !== text) link.textContent = text;
  link.className = isSilent ? "stale" : "";
}

const every = setInterval(() => void look(), EVERY_MS);
document.addEventListener("visibilitychange", () => void look());
