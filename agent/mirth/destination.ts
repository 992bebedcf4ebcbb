/** What the destinations of Mirth have in common. @module */
import type { Draft } from "./draft.ts";
import { CUSTOM } from "./kept-text.ts";
import { nodeOf } from "./values.ts";
import { find, isTrue, textAt } from "./xml-tree.ts";

/** What destinations of every kind have. */
export function readDestination(draft: Draft): void {
  const destination = find(draft.properties, "destinationConnectorProperties") ?? draft.properties;
  const say = (name: string, text: string): void =>
    draft.missing(find(destination, name) ?? destination, text);
  if (isTrue(destination, "rotate")) {
    say(
      "rotate",
      "Mirth lets others pass a message that fails; here the order is kept: leave it, or let the receiver of the messages say that order does not matter",
    );
  }
  if (Number(textAt(destination, "threadCount") || "1") > 1) {
    say(
      "threadCount",
      "Mirth sends with several threads; here one message at a time, in order: split the traffic over channels if that is too slow",
    );
  }
  const template = find(draft.properties, "template");
  if (template !== undefined && template.text === CUSTOM) {
    draft.missing(
      template,
      "the message is made from a template; here it leaves as the platform hands it over: let the platform make it",
    );
  }
  if (isTrue(draft.properties, "dataTypeBinary")) {
    draft.missing(
      nodeOf(draft, "dataTypeBinary"),
      "Mirth decodes base64 before it sends; here bytes leave as they come: let the platform decode",
    );
  }
  draft.note(
    draft.connector,
    "Mirth fed this destination itself; here it delivers what the platform hands to the receiver for a channel of this name: if it led to the cloud, drop it",
  );
}
