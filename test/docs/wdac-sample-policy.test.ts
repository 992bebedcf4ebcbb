/** The sample policy for application control is what Windows reads, as far as a Linux machine can tell (08 H11). */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import sax from "sax";
import { ADD_ON_NAMES } from "#packaged/add-ons.ts";

const FILE = "docs/examples/wdac-sample-policy.xml";

interface Element {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly parent: string;
}

/** @throws {Error} if it is not well-formed */
function elementsOf(text: string): Element[] {
  const parser = sax.parser(true);
  const found: Element[] = [];
  const open: string[] = [];
  parser.onerror = (error) => {
    throw error;
  };
  parser.onopentag = ({ name, attributes }) => {
    const texts = Object.entries(attributes).map(([key, value]) => [key, String(value)]);
    found.push({ name, attributes: Object.fromEntries(texts), parent: open.at(-1) ?? "" });
    open.push(name);
  };
  parser.onclosetag = () => void open.pop();
  parser.write(text).close();
  return found;
}

test("[H11] the WDAC sample is well-formed, has what Microsoft's schema wants in its order, and each rule is used", () => {
  const elements = elementsOf(readFileSync(FILE, "utf8"));
  const [root] = elements;
  assert.equal(root?.attributes["xmlns"], "urn:schemas-microsoft-com:sipolicy");
  assert.equal(root?.attributes["PolicyType"], "Supplemental Policy");
  const sections = elements.filter(({ parent }) => parent === "SiPolicy").map(({ name }) => name);
  assert.deepEqual(sections, [
    ...["VersionEx", "PlatformID", "PolicyID", "BasePolicyID", "Rules", "EKUs", "FileRules"],
    ...["Signers", "SigningScenarios", "UpdatePolicySigners", "CiSigners", "HvciOptions"],
  ]);
  const valuesOf = (name: string, attribute: string): string[] =>
    elements.filter((one) => one.name === name).map((one) => one.attributes[attribute] ?? "");
  const rules = valuesOf("Allow", "ID");
  for (const id of rules) assert.match(id, /^ID_ALLOW_[A-Z][A-Z0-9_]+$/);
  assert.equal(new Set(rules).size, rules.length);
  assert.deepEqual(valuesOf("FileRuleRef", "RuleID"), rules);
  assert.deepEqual(valuesOf("AllowedSigner", "SignerId"), valuesOf("Signer", "ID"));
  // User mode: no driver of ours exists.
  assert.deepEqual(valuesOf("SigningScenario", "Value"), ["12"]);
});

test("[H11] it names each file that Windows loads of us, and allows nothing until it is filled in", () => {
  const elements = elementsOf(readFileSync(FILE, "utf8"));
  const allowed = elements.filter(({ name }) => name === "Allow");
  const names = allowed.map(({ attributes }) => attributes["FriendlyName"] ?? "");
  for (const file of ["holdfast.exe", ...ADD_ON_NAMES.map((name) => `lib\\*-${name}.node`)]) {
    assert.ok(names.includes(file), file);
  }
  const hashes = [
    ...allowed.map(({ attributes }) => attributes["Hash"]),
    ...elements.filter(({ name }) => name === "CertRoot").map((one) => one.attributes["Value"]),
  ];
  for (const hash of hashes) assert.match(hash ?? "", /^0{64}$/);
});
