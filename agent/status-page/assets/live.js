// Looks again when the agent says so, and says so when the agent says nothing. Without this file the page is whole; it
// is as old as it was when it was asked for.
const SILENT_AFTER_MS = 8_000;
const REOPEN_AFTER_MS = 10_000;

let lookedAt = Date.now();
let isLooking = false;

/** Makes `now` what `then` is, and touches nothing that is the same: focus, selection and what was opened stay. */
function become(now, then) {
  if (now.nodeType === Node.TEXT_NODE) {
    if (now.data !== then.data) now.data = then.data;
    return;
  }
  if (now.nodeType !== Node.ELEMENT_NODE || now.hasAttribute("data-keep")) return;
  for (const { name, value } of then.attributes) {
    if (now.getAttribute(name) !== value) now.setAttribute(name, value);
  }
  for (const { name } of [...now.attributes]) {
    const isOurs = name === "open" || then.hasAttribute(name);
    if (!isOurs) now.removeAttribute(name);
  }
  const keyed = new Map([...now.childNodes].map((child) => [keyOf(child), child]));
  const wanted = [...then.childNodes];
  for (const [at, child] of wanted.entries()) {
    const here = now.childNodes[at];
    const same = keyOf(child) === undefined ? here : keyed.get(keyOf(child));
    if (same?.nodeName === child.nodeName && keyOf(same) === keyOf(child)) {
      if (same !== here) now.insertBefore(same, here);
      become(same, child);
    } else if (here === undefined || keyOf(here) !== undefined)
      now.insertBefore(child, here ?? null);
    else here.replaceWith(child);
  }
  while (now.childNodes.length > wanted.length) now.lastChild.remove();
}

/** A section, or a channel, never turns into another one. */
const keyOf = (node) =>
  ["ARTICLE", "SECTION"].includes(node?.nodeName)
    ? node.getAttribute("aria-labelledby")
    : undefined;

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
