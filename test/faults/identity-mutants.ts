/** Defects of who the agent is, and how it becomes so, that the named tests must notice. @module */

import type { Mutant, NamedTests } from "./mutants.ts";
import type { Edit } from "./planted-copy.ts";

const ENROLMENT = "test/agent/identity/enrolment.test.ts";
const KEEPER = "test/agent/identity/keeper.test.ts";
const SLOTS = "test/certs/slots.test.ts";

const mutant = (
  id: string,
  edit: Edit | readonly Edit[],
  ...caughtBy: readonly NamedTests[]
): Mutant => ({
  id: `identity: ${id}`,
  edits: Array.isArray(edit) ? (edit as readonly Edit[]) : [edit as Edit],
  caughtBy,
});

export const IDENTITY_MUTANTS: readonly Mutant[] = [
  mutant(
    "a certificate whose key cannot be read ends the program",
    {
      file: "certs/profile.ts",
      search: "    return certificate.publicKey;\n  } catch {",
      replacement:
        "    return certificate.publicKey;\n  } catch (error) {\n    if (error) throw error;",
    },
    { file: "test/certs/profile.test.ts" },
  ),
  mutant(
    "a renewal answered with another generation is taken",
    {
      file: "agent/identity/renewal.ts",
      search: "if (answer.generation !== current.generation + 1)",
      replacement: "if (answer.generation < current.generation)",
    },
    { file: "test/fuzz/fuzz.test.ts" },
  ),
  mutant(
    "a mistyped token is taken",
    { file: "certs/token.ts", search: "checkOf(middle) !== check", replacement: 'check === ""' },
    { file: "test/certs/token.test.ts" },
  ),
  mutant(
    "a token may have fields that nobody knows",
    { file: "certs/token.ts", search: "z.strictObject({", replacement: "z.object({" },
    { file: "test/certs/token.test.ts" },
  ),
  mutant(
    "EN1 a token leads to another host",
    {
      file: "agent/identity/enrolment.ts",
      search: "receiverUrl.hostname !== way.receiverUrl.hostname",
      replacement: 'receiverUrl.hostname === ""',
    },
    { file: ENROLMENT, only: "EN1" },
  ),
  mutant(
    "EN2 any certificate is the receiver's CA",
    {
      file: "agent/identity/enrolment.ts",
      search: "spkiSha256 === caSpkiSha256",
      replacement: 'spkiSha256 !== caSpkiSha256.concat("x")',
    },
    { file: ENROLMENT, only: "I07" },
  ),
  mutant(
    "EN2 another connection accepts any certificate",
    {
      file: "agent/tunnel/secure.ts",
      search: "rejectUnauthorized: true,",
      replacement: "rejectUnauthorized: false,",
    },
    { file: ENROLMENT, only: "EN3, I07" },
    { file: "test/architecture-sockets.test.ts", only: "EN2" },
  ),
  mutant(
    "EN8 a certificate for another key is taken",
    {
      file: "certs/profile.ts",
      search: "!publicKey.equals(expected.publicKey)",
      replacement: 'chainPem === ""',
    },
    { file: "test/certs/profile.test.ts" },
  ),
  mutant(
    "EN8 a certificate of another agent is taken",
    { file: "certs/profile.ts", search: "name.agent === agent", replacement: 'name.agent !== ""' },
    { file: "test/certs/profile.test.ts" },
  ),
  mutant(
    "EN8 a certificate of another tenant is taken",
    {
      file: "certs/profile.ts",
      search: "name.tenant === tenant",
      replacement: 'name.tenant !== ""',
    },
    { file: "test/certs/profile.test.ts" },
    { file: ENROLMENT, only: "EN8" },
  ),
  mutant(
    "N5 the trust domain may change",
    {
      file: "certs/profile.ts",
      search: "name.trustDomain === trustDomain",
      replacement: 'name.trustDomain !== ""',
    },
    { file: "test/certs/profile.test.ts" },
  ),
  mutant(
    "EN8 a trust chain that is broken is taken as far as it goes",
    {
      file: "agent/identity/trust.ts",
      search: 'read.kind === "broken"',
      replacement: 'read.kind === "broken" && read.index > 99',
    },
    { file: ENROLMENT, only: "2.6" },
  ),
  mutant(
    "EN8 the CA need not be in the trust document",
    {
      file: "agent/identity/trust.ts",
      search: "new X509Certificate(pem).fingerprint256 === pinned",
      replacement: 'new X509Certificate(pem).fingerprint256 !== ""',
    },
    { file: ENROLMENT, only: "2.6" },
  ),
  mutant(
    "I18 rights of files are not looked at",
    { file: "certs/identity-folder.ts", search: "(mode & OTHERS) !== 0", replacement: "mode < 0" },
    { file: SLOTS, only: "I18" },
  ),
  mutant(
    "I18 the owner is not looked at",
    {
      file: "certs/identity-folder.ts",
      search: 'if (uid !== process.getuid()) throw unsafe(place, "owner");',
      replacement: 'if (uid < 0) throw unsafe(place, "owner");',
    },
    { file: SLOTS, only: "another owner" },
  ),
  mutant(
    "I18 a file is read through a link",
    {
      file: "certs/identity-folder.ts",
      search: "O_RDONLY | O_NOFOLLOW | O_NONBLOCK",
      replacement: "O_RDONLY | (O_NOFOLLOW & 0) | O_NONBLOCK",
    },
    { file: SLOTS, only: "I18" },
  ),
  mutant(
    "I18 a folder may be a link",
    {
      file: "certs/identity-folder.ts",
      search: "if (status.isSymbolicLink())",
      replacement: 'if (status.isSymbolicLink() && name === "never")',
    },
    { file: SLOTS, only: "I18" },
  ),
  mutant(
    "a sealed key opens in another place",
    {
      file: "agent/sealing/sealed-secret.ts",
      search: 'Buffer.from(place, "utf8")',
      replacement: 'Buffer.from(place.slice(0, 5), "utf8")',
    },
    { file: SLOTS, only: "moved" },
  ),
  mutant(
    "keys lie as they are",
    {
      file: "certs/identity-folder.ts",
      search: "replaceFile(join(this.path, place), sealed, SECRET_MODE)",
      replacement:
        "replaceFile(join(this.path, place), Buffer.concat([sealed, secret]), SECRET_MODE)",
    },
    { file: SLOTS, only: "sealed, 0400" },
  ),
  mutant(
    "a key that came while others were sealed anew is left behind",
    {
      file: "agent/sealing/sealed-secret.ts",
      search: "opened(readFileSync(join(folder, place)), [kek.current], place).fill(0);",
      replacement: "opened(readFileSync(join(folder, place)), keksOf(kek), place).fill(0);",
    },
    { file: SLOTS, only: "08 2.3" },
  ),
  mutant(
    "a certificate of another key makes a whole slot",
    {
      file: "certs/slot.ts",
      search: "certificate?.checkPrivateKey(tls) === true &&",
      replacement: "certificate !== undefined &&",
    },
    { file: "test/certs/slot-parts.test.ts" },
  ),
  mutant(
    "N1 after a crash another key is made",
    {
      file: "certs/slots.ts",
      search: "if (begun !== undefined) return { slot: begun, keys: begun.ensureKeys(device) };",
      replacement: "if (begun?.isComplete) return { slot: begun, keys: begun.ensureKeys(device) };",
    },
    { file: SLOTS, only: "N1" },
    { file: KEEPER, only: "I09, N4" },
  ),
  mutant(
    "N1 after a crash another request is signed",
    {
      file: "certs/slot.ts",
      search: "if (made !== undefined) return made;",
      replacement: "if (made?.length === 0) return made;",
    },
    { file: KEEPER, only: "I09, N4" },
    { file: ENROLMENT, only: "EN6, EN7|lost" },
    { file: "test/faults/identity-power-cut.test.ts" },
  ),
  mutant(
    "07 1.2 a slot is named before its keys are there",
    {
      file: "certs/slots.ts",
      search: `    const keys = slot.ensureKeys(device);
    this.#write({ ...slots, next: slot.name });`,
      replacement: `    this.#write({ ...slots, next: slot.name, current: slots.current ?? slot.name });
    const keys = slot.ensureKeys(device);
    this.#write({ ...slots, current: slot.name, next: slot.name });
    this.#write({ ...slots, next: slot.name });`,
    },
    { file: "test/faults/identity-power-cut.test.ts" },
  ),
  mutant(
    "N5 a slot counts as whole before its certificate is there",
    [
      {
        file: "certs/slot.ts",
        search: '    this.#folder.write(this.#in("chain.pem"), chainPem);\n',
        replacement: "",
      },
      {
        file: "certs/slot.ts",
        search: 'this.#folder.write(this.#in("meta.json"), `',
        replacement: `queueMicrotask(() => this.#folder.write(this.#in("chain.pem"), chainPem));
    this.#folder.write(this.#in("meta.json"), \``,
      },
    ],
    { file: "test/faults/identity-power-cut.test.ts" },
  ),
  mutant(
    "N6 what was not welcomed is in use",
    {
      file: "certs/slots.ts",
      search: "if (slots.next !== slot) return false;",
      replacement: "if (slots.next === null) return false;",
    },
    { file: SLOTS, only: "N1" },
  ),
  mutant(
    "N6 the old identity goes at once",
    {
      file: "certs/slots.ts",
      search: "next: null, prev: slots.current, prevSinceMs",
      replacement: "next: null, prev: null, prevSinceMs",
    },
    { file: SLOTS, only: "N1" },
    { file: KEEPER, only: "N2" },
  ),
  mutant(
    "N5 an answer for another generation is taken",
    {
      file: "agent/identity/renewal.ts",
      search: "answer.generation !== current.generation + 1",
      replacement: "answer.generation < 0",
    },
    { file: KEEPER, only: "N5" },
  ),
  mutant(
    "N7 the old identity is shown first",
    {
      file: "agent/identity/keeper.ts",
      search: "const candidates = [next, current].filter",
      replacement: "const candidates = [current, next].filter",
    },
    { file: KEEPER, only: "N7" },
  ),
  mutant(
    "N7 refused with one, the other is not tried",
    {
      file: "agent/identity/keeper.ts",
      search: "this.#refused.add(shown.slot);",
      replacement: "this.#refused.delete(shown.slot);",
    },
    { file: KEEPER, only: "N7" },
  ),
  mutant(
    "N6 what the receiver does not know is kept for ever",
    {
      file: "agent/identity/keeper.ts",
      search: "      this.#demote(next);",
      replacement: "      this.#judgeEnd();",
    },
    { file: KEEPER, only: "restored" },
  ),
  mutant(
    "07 1.6 renewal begins in the last days",
    {
      file: "agent/limits.ts",
      search: "RENEWAL_SHARE_LEFT = 1 / 3",
      replacement: "RENEWAL_SHARE_LEFT = 1 / 30",
    },
    { file: KEEPER, only: "N2" },
  ),
  mutant(
    "07 1.6 all agents renew at the same moment",
    {
      file: "agent/identity/schedule.ts",
      search: "Math.min(RENEWAL_SPREAD_MS, leftMs / 4) * chance",
      replacement: "Math.min(RENEWAL_SPREAD_MS, leftMs / 4) * chance * 0",
    },
    { file: KEEPER, only: "by chance" },
  ),
  mutant(
    "I17 renewal goes by the wall clock",
    {
      file: "agent/identity/receiver-time.ts",
      search: "return this.#heardMs + this.#clock.monotonicMs() - this.#atMs;",
      replacement: "return this.#clock.nowMs() + this.#atMs * 0 + this.#heardMs * 0;",
    },
    { file: KEEPER, only: "I17" },
  ),
  mutant(
    "07 1.6 what has expired is not recovered",
    {
      file: "agent/identity/keeper.ts",
      search: 'if (reason === "CERT_HAS_EXPIRED" && this.#isRetryDue()) this.#renewSoon();',
      replacement: 'if (reason === "CERT_DENIED" && this.#isRetryDue()) this.#renewSoon();',
    },
    { file: "test/agent/identity/expired.test.ts" },
  ),
  mutant(
    "PL10 nobody hears that a certificate ends",
    {
      file: "agent/identity/schedule.ts",
      search: "notAfterMs - nowMs <= days * DAY_MS",
      replacement: "notAfterMs - nowMs <= days",
    },
    { file: KEEPER, only: "PL10" },
  ),
  mutant(
    "N7 the identity before is never erased",
    {
      file: "agent/identity/keeper.ts",
      search: "this.#tried(() => store.erasePrev())",
      replacement: "this.#tried(() => store.prev?.isComplete)",
    },
    { file: KEEPER, only: "N2" },
  ),
  mutant(
    "PKCS#12: RSA is taken",
    {
      file: "certs/p12.ts",
      search: "|| !isP256) return",
      replacement: "|| isP256 === null) return",
    },
    { file: "test/certs/p12.test.ts" },
  ),
];
