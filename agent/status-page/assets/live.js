// Looks again when the agent says so, and says so when the agent says nothing. Without this file the page is whole; it
// is as old as it was when it was asked for.
import { become } from "/become.js";

const SILENT_AFTER_MS = 8_000;
const REOPEN_AFTER_MS = 10_000;

let lookedAt = Date.now();
let isLooking = false;

async function look() {
  if (isLooking || document.hidden) return;
  isLooking = true;
  try {
    const answer = await fetch("/", { signal: AbortSignal.timeout(SILENT_AFTER_MS) });
    if (!answer.ok) return;
    const next = new DOMParser().parseFromString(await answer.text(), "text/html");
    // Asked for before the agent could say how it is.
    const isFirst = document.querySelector(".asof") === null;
    if (isFirst && next.querySelector(".asof") !== null) location.reload();
    become(document.querySelector("main"), next.querySelector("main"));
    for (const name of [".asof time", "footer"]) {
      const [now, then] = [document.querySelector(name), next.querySelector(name)];
      if (now !== null && then !== null) become(now, then);
    }
    document.title = next.title;
    const [icon, nextIcon] = [document, next].map((one) => one.querySelector("link[rel=icon]"));
    if (icon.getAttribute("href") !== nextIcon.getAttribute("href")) icon.replaceWith(nextIcon);
    lookedAt = Date.now();
    tellLink();
  } catch {
    tellLink();
  } finally {
    isLooking = false;
  }
}

/** An old page that looks new is worse than none. */
function tellLink() {
  const link = document.querySelector("#link");
  if (link === null) return;
  const isSilent = !document.hidden && Date.now() - lookedAt > SILENT_AFTER_MS;
  const text = isSilent ? "The agent does not answer: what you see is old." : "";
  if (link.textContent !== text) link.textContent = text;
  link.className = isSilent ? "stale" : "";
}

function listen() {
  const events = new EventSource("/events");
  events.onmessage = () => void look();
  events.onerror = () => {
    tellLink();
    if (events.readyState !== EventSource.CLOSED) return;
    // Refused, for others are told already: look by ourselves meanwhile.
    setTimeout(listen, REOPEN_AFTER_MS);
    void look();
  };
}

listen();
setInterval(tellLink, 2_000);
document.addEventListener("visibilitychange", () => void look());
