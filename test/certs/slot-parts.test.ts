import assert from "node:assert/strict";
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { contentFor, StateFolder } from "#test/support/identity-folder.ts";

test("[N5] [07 1.2] a certificate of another key, or another one than meta.json names, is no identity", async () => {
  using state = new StateFolder();
  const own = await state.enrolled();
  const { device } = own.load().keys;
  assert.ok(device !== undefined);
  const store = state.store();
  const { slot, keys } = store.begin(device);
  slot.complete(await contentFor(keys, 2));
  slot.load();
  const file = (name: string, part: string): string => join(state.identity, name, part);
  copyFileSync(file(own.name, "chain.pem"), file(slot.name, "chain.pem"));
  assert.throws(() => slot.load(), { code: "IDENTITY_DAMAGED" });
  // Even where meta.json was copied along.
  copyFileSync(file(own.name, "meta.json"), file(slot.name, "meta.json"));
  assert.throws(() => slot.load(), { code: "IDENTITY_DAMAGED" });
});
