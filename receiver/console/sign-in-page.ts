/** For whoever is not signed in. @module */
import { type Html, html } from "#pages/html.ts";
import { layout, notice } from "./layout.ts";

/** @param hasTls people may show a certificate */
export const signInPage = (hasTls: boolean): Html =>
  notice(undefined, {
    title: "You are not signed in",
    text: hasTls
      ? "Show a certificate that console.people in receiver.yaml knows: import it into this browser and load the page again."
      : "On the receiver's machine run: holdfast-receiver console link --role viewer. The link lets you in once, within five minutes.",
  });

/** @param path of ours, to which a page of somebody else's led */
export const goOnPage = (path: string): Html =>
  layout(undefined, {
    title: "Open the fleet console",
    main: html`<section class="headline notice"><h1>Another page led here</h1>
<p class="plain-text">Nobody is signed in by that. Go on if you meant to come here.</p>
<p><a href="${path}">Go on</a></p></section>`,
  });

/** A link that was only looked at, by a mail program or a chat, is not used up: the button uses it. */
export const enterPage = (secret: string): Html =>
  layout(undefined, {
    title: "Sign in",
    main: html`<section class="headline notice"><h1>Open the fleet console</h1>
<p class="plain-text">The link works once.</p>
<form method="post" action="/enter"><input type="hidden" name="link" value="${secret}"><button autofocus>Sign in</button></form></section>`,
  });
