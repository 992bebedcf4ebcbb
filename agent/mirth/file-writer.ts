/** A File Writer of Mirth as a `folder`. @module */
import { readDestination } from "./destination.ts";
import type { Draft } from "./draft.ts";
import { readFolder } from "./folders.ts";
import { tellsApart, templateOf, variable } from "./name-patterns.ts";
import { nodeOf, noteCharset, readPlugins } from "./values.ts";
import { isFalse, isTrue, textAt } from "./xml-tree.ts";

export function readFileWriter(draft: Draft): boolean {
  draft.set("kind", "folder");
  if (readFolder(draft) === undefined) return false;
  readName(draft);
  readDestination(draft);
  noteCharset(draft);
  readPlugins(draft);
  return true;
}

function readName(draft: Draft): void {
  const { properties } = draft;
  const [pattern, node] = [textAt(properties, "outputPattern"), nodeOf(draft, "outputPattern")];
  const isSuggested = pattern === variable("originalFilename");
  const template = templateOf(pattern);
  if (isSuggested) {
    draft.set("useSuggestedName", true);
    draft.note(
      node,
      "the name comes with the message: the platform has to hand it over as file.name",
    );
  } else if (template === undefined) {
    draft.missing(
      node,
      "the files' names have fields or signs that nameTemplate cannot have; here they are named by its default: see that their reader takes them",
    );
  } else draft.set("nameTemplate", template);
  // Mirth renames only if it is told to; here it is always so.
  if (isTrue(properties, "errorOnExists")) draft.set("onCollision", "hold");
  else if (isFalse(properties, "outputAppend")) draft.set("onCollision", "overwrite");
  else if (template !== undefined && !tellsApart(template)) {
    draft.missing(
      nodeOf(draft, "outputAppend"),
      "Mirth appends messages to one file; here each is a file of its own, whose name gets a suffix: have the reader take single files",
    );
  }
}
