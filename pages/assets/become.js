// Brings a page up to date in place.

/** Makes `now` what `then` is, and touches nothing that is the same: focus, selection and what was opened stay. */
export function become(now, then) {
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
