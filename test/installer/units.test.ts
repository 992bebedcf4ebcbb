/** What the agent's unit says, and what it says of what it does not say (09 section 3). */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ROOT } from "#installer/root.ts";

const UNIT = readFileSync(join(ROOT, "installer/linux/holdfast.service"), "utf8");
const settings = UNIT.split("\n").filter((line) => /^[A-Za-z]+=/.test(line));
const comment = UNIT.split("\n")
  .filter((line) => line.startsWith("#"))
  .join("\n");

test("[SV1] what would end the agent, or is no control, is left out, and a comment says so", () => {
  for (const name of ["MemoryDenyWriteExecute", "SocketBindAllow", "IPAddressDeny"]) {
    assert.ok(!settings.some((line) => line.startsWith(`${name}=`)), name);
    assert.ok(comment.includes(`${name}=`), `${name} is explained`);
  }
  assert.ok(!settings.includes("ProcSubset=pid"));
  assert.match(comment, /ProcSubset=pid/);
  assert.ok(settings.some((line) => /^RestrictAddressFamilies=.*\bAF_NETLINK\b/.test(line)));
  assert.match(comment, /without AF_NETLINK/);
});
