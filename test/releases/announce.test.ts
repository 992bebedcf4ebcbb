/** Whether people hear of a release (07 section 3, `policy.updates.mode`). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { releaseToAnnounce } from "#releases/announce.ts";
import type { ReleaseTarget } from "#releases/target.ts";

const target = (version: string): ReleaseTarget => ({
  ...{ kind: "target", platform: "linux-x64-deb", length: 1, sha256: "" },
  custom: {
    ...{ version, platform: "linux-x64-deb", releaseCounter: 1, minFrom: "0.1.0", sbomSha256: "" },
  },
});

test("[W11] announce says that a newer release exists, by number and not by text; off says nothing", () => {
  assert.equal(releaseToAnnounce("announce", "1.9.0", target("1.10.0")), "1.10.0");
  assert.equal(releaseToAnnounce("announce", "1.10.0", target("1.10.0")), undefined);
  assert.equal(releaseToAnnounce("announce", "1.10.0", target("1.9.0")), undefined);
  assert.equal(releaseToAnnounce("off", "1.9.0", target("1.10.0")), undefined);
});
