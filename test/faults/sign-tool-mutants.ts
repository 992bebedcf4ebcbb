/** Checks of `holdfast-sign` that keep people from signing, or leaking, what they should not. @module */
import { mutant } from "./document-mutant.ts";
import type { Mutant, NamedTests } from "./mutants.ts";

const cli = (name: string, only: string): NamedTests => ({
  ...{ file: `test/documents/cli/${name}.test.ts`, only },
});

export const SIGN_TOOL_MUTANTS: readonly Mutant[] = [
  mutant(
    "sign: a key that others can read",
    "cli/files",
    ['if (isExposed) throw new SignError("KEY_EXPOSED", file);', ""],
    cli("keys", "others can read"),
  ),
  mutant(
    "sign: private keys for everybody",
    "cli/files",
    ["const SECRET = 0o600;", "const SECRET = 0o644;"],
    cli("keys", "keygen"),
  ),
  mutant(
    "sign: a private key where a public one is asked",
    "cli/keys",
    ['if (bytes.includes("PRIVATE KEY")) {', 'if (bytes.includes("NO SUCH KEY")) {'],
    cli("sign", "no agent could follow"),
  ),
  mutant(
    "sign: any version follows",
    "cli/trust",
    ["if (next.version !== previous.version + 1) {", "if (next.version < 0) {"],
    cli("sign", "no agent could follow"),
  ),
  mutant(
    "sign: a trust document that makes no sense",
    "cli/trust",
    ['if (!("kind" in document)) return document;', "return document as TrustDocument;"],
    cli("sign", "no agent could follow"),
  ),
  mutant(
    "sign: verify is content with any signature",
    "cli/verify",
    [
      "  if (answer === undefined) return;",
      "  if (answer === undefined || signers.size > 0) return;",
    ],
    cli("sign", "in turn"),
  ),
  mutant(
    "sign: an unsigned document on a stick",
    "cli/carry",
    ['if (draft.signatures.length === 0) throw new SignError("SIGNATURES_MISSING", file);', ""],
    cli("sign", "a stick carries"),
  ),
  mutant(
    "sign: defaults are signed, not what was written",
    "cli/description",
    ["return { ...described, body: asWritten.body };", "return described as ConfigDescription;"],
    cli("sign", "made, signed, believed"),
  ),
];
