/** The notices that go with the programs (09 PK15, T-K10). */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { chosenLicence, licenceTexts } from "#installer/bill/licences.ts";

test("[PK15] a choice of licences is taken by our list; any other ends the build, with the name of the part", () => {
  assert.equal(chosenLicence("node-forge", "(BSD-3-Clause OR GPL-2.0)"), "BSD-3-Clause");
  assert.equal(chosenLicence("x", "MIT OR Apache-2.0"), "MIT");
  for (const declared of ["GPL-3.0", "UNLICENSED", "MIT AND GPL-3.0", "SEE LICENSE IN FILE", ""]) {
    assert.throws(() => chosenLicence("planted", declared), /^Error: planted: its licence is/);
  }
});

test("[PK15] a package without the text of its licence ends the build, with its name; a README counts where it is known to", () => {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-licences-"));
  try {
    const refused = /^Error: planted: the package has no licence text$/;
    assert.throws(() => licenceTexts("planted", folder), refused);
    writeFileSync(join(folder, "LICENSE"), "MIT");
    assert.throws(() => licenceTexts("planted", folder), refused, "a name is no text");
    writeFileSync(join(folder, "README.md"), `# planted\n\n## License\n\n${"words ".repeat(99)}`);
    assert.throws(() => licenceTexts("planted", folder), refused);
    assert.match(licenceTexts("pgpass", folder).join(), /^(?:words ?){99}$/);
    writeFileSync(join(folder, "License.md"), "text ".repeat(99));
    assert.equal(licenceTexts("planted", folder).length, 2);
    mkdirSync(join(folder, "empty"));
    assert.throws(() => licenceTexts("pgpass", join(folder, "empty")), /pgpass: the package/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
