import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type FolderClash, folderClashes, type UsedFolder } from "#config/folders.ts";

const parts = fc.array(fc.constantFrom("a", "b", "c"), { maxLength: 4 });
const folders = fc.array(
  fc.record({
    path: parts.map((names) => `/${names.join("/")}`),
    use: fc.constantFrom("drop" as const, "written" as const),
    recursive: fc.boolean(),
  }),
  { maxLength: 12 },
);

/** Each with each, in order: what the index of neighbours must find, too. */
function pairwise(all: readonly UsedFolder[]): FolderClash[] {
  return all.flatMap((folder, index) => {
    const before = all.slice(0, index);
    const found = before
      .map((other) => folderClashes([other, folder]))
      .find(({ length }) => length > 0);
    return found ?? [];
  });
}

test("[P2] among many folders the same clashes are found as between each two", () => {
  fc.assert(
    fc.property(folders, (given) => {
      const all = given.map((one, channel): UsedFolder => ({ ...one, channel, key: "folder" }));
      assert.deepEqual(folderClashes(all), pairwise(all));
    }),
    { numRuns: 1_000 },
  );
});
