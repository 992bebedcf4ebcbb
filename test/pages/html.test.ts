import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { escaped, Html, html, inLines } from "#pages/html.ts";

describe("[PL8] the page's templates", () => {
  test("whatever stands in a template ends no tag, no attribute and no text", () => {
    const hostile = `<script>alert(1)</script>"' onload='x' &amp;`;
    const text = html`<p title="${hostile}">${hostile}</p>`.toString();
    assert.equal(text.match(/</g)?.length, 2);
    assert.equal(text.match(/"/g)?.length, 2);
    assert.doesNotMatch(text, /'|&amp;amp; /);
  });

  test("no text survives with a character that means something to HTML, or that nobody can see", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        assert.doesNotMatch(
          escaped(text),
          /[<>"'\p{Cc}\u202e\u2066]|&(?!amp;|lt;|gt;|quot;|#39;)/u,
        );
      }),
    );
  });

  test("lines stay lines where they are meant to, and nothing else is let through", () => {
    assert.equal(
      inLines('{\n  "a": "<b>\u202e\r"\n}').toString(),
      "{\n  &quot;a&quot;: &quot;&lt;b&gt;\ufffd\ufffd&quot;\n}",
    );
  });

  test("HTML that was made by a template is not escaped again; nothing is shown of what is not there", () => {
    const inner = html`<b>${1n}</b>`;
    assert.equal(html`${[inner, inner]}${undefined}${[]}${0}`.toString(), "<b>1</b><b>1</b>0");
    assert.equal(new Html("<i>").toString(), "<i>");
  });
});
