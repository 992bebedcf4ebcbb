/** Defects of enrolment, renewal and the gate (07 1.3 to 1.8) that the named tests must notice. @module */
import type { Mutant, NamedTests } from "./mutants.ts";

const GATE: NamedTests = { file: "test/receiver/gate.test.ts" };
const LIVE: NamedTests = { file: "test/abuse/live-sockets.test.ts" };
const RENEWAL: NamedTests = { file: "test/abuse/renewal.test.ts" };
const ENROLMENT: NamedTests = { file: "test/abuse/enrolment.test.ts" };
const PROFILE: NamedTests = { file: "test/certs/agent-profile.test.ts" };
const REQUESTS: NamedTests = { file: "test/certs/authority.test.ts" };
const REGISTER: NamedTests = { file: "test/receiver/store/registry-store.test.ts", only: "SQLite" };
const only = (tests: NamedTests, pattern: string): NamedTests => ({ ...tests, only: pattern });

const mutant = (
  id: string,
  file: string,
  [search, replacement]: readonly [string, string],
  ...caughtBy: readonly NamedTests[]
): Mutant => ({ id, edits: [{ file, search, replacement }], caughtBy });

const GATE_FILE = "receiver/gate.ts";
const RENEWAL_FILE = "receiver/identity/renewal.ts";
const ENROLMENT_FILE = "receiver/identity/enrolment.ts";
const PROFILE_FILE = "certs/agent-profile.ts";
const CSR_FILE = "certs/agent-csr.ts";

const GATE_MUTANTS: readonly Mutant[] = [
  mutant(
    "G1 a resumed session passes",
    GATE_FILE,
    [
      "if (socket.isSessionReused()) return",
      "if (socket.isSessionReused() && rules.nowMs < 0) return",
    ],
    only(LIVE, "G1"),
  ),
  mutant(
    "G2 no certificate is taken for a chain that does not fit",
    GATE_FILE,
    ['return refused("NO_CERT");', 'return refused("CERT_INVALID");'],
    only(GATE, "G2"),
  ),
  mutant(
    "G3 a chain that OpenSSL refused passes",
    GATE_FILE,
    ["  if (socket.authorized) return null;", "  if (socket.authorized || nowMs > 0) return null;"],
    only(GATE, "G3"),
  ),
  mutant(
    "G3 an expired certificate of anybody renews",
    GATE_FILE,
    ['return isIssuedBy(certificate, agentCas, nowMs) ? null : "CERT_UNKNOWN_CA";', "return null;"],
    only(RENEWAL, "I20"),
  ),
  mutant(
    "G3 by hand, the signature is not verified",
    "receiver/identity/agent-cas.ts",
    [
      "certificate.checkIssued(ca) && certificate.verify(ca.publicKey)",
      "certificate.checkIssued(ca)",
    ],
    only(RENEWAL, "I20"),
  ),
  mutant(
    "G4 the receiver's own clock is not asked",
    GATE_FILE,
    ['  if (expiredMs > 0 && door === "tunnel")', '  if (expiredMs > 1e15 && door === "tunnel")'],
    only(LIVE, "I03"),
  ),
  mutant(
    "G4 an expired certificate renews for ever",
    GATE_FILE,
    ["if (expiredMs > RECOVERY_MAX_MS)", "if (expiredMs > 2 * RECOVERY_MAX_MS)"],
    only(RENEWAL, "I11"),
  ),
  mutant(
    "G5 any profile passes the renewal door",
    GATE_FILE,
    [
      'if (name === null) return refused("CERT_PROFILE");',
      'if (name === null) return refused("UNKNOWN_AGENT");',
    ],
    only(GATE, "G5"),
    only(RENEWAL, "I20"),
  ),
  mutant(
    "G6 any serial of an agent passes",
    GATE_FILE,
    [
      'if (isSuperseded && rules.door === "tunnel")',
      'if (isSuperseded && rules.door === "renewal")',
    ],
    only(GATE, "G6"),
    only(RENEWAL, "N7"),
  ),
  mutant(
    "G6 the next certificate does not pass",
    GATE_FILE,
    ["&& serialHex !== agent.identity.nextSerialHex;", "&& agent.id > 0;"],
    only(RENEWAL, "N7"),
  ),
  mutant(
    "G7 the deny list is not asked",
    GATE_FILE,
    ["if (await rules.store.registry.isDenied(denials))", "if (denials.length > 9)"],
    only(LIVE, "CERT_DENIED"),
  ),
  mutant(
    "G7 a denied device key passes",
    GATE_FILE,
    ["if (deviceKeyHex !== null) denials", "if (deviceKeyHex === null) denials"],
    only(LIVE, "device key"),
  ),
  mutant(
    "G8 a locked agent passes",
    GATE_FILE,
    ["if (agent.lockedAtMs !== null) return", "if (agent.lockedAtMs === 0) return"],
    only(RENEWAL, "I10"),
  ),
  mutant(
    "N7 the next certificate is never the current one",
    "receiver/admission.ts",
    ["await noteSeen(verdict, this.#context);", "await Promise.resolve(noteSeen);"],
    only(RENEWAL, "N7"),
  ),
  mutant(
    "sockets with an expired certificate stay",
    "receiver/identity/sweep.ts",
    ["nowMs > identity.notAfterMs || ", ""],
    only(LIVE, "I03"),
  ),
  mutant(
    "sockets stay for ever",
    "receiver/identity/sweep.ts",
    [" || atMs >= endMs", ""],
    only(LIVE, "maxSocketAge"),
  ),
  mutant(
    "a denial does not end what is open",
    "receiver/questions.ts",
    [
      "      const denial = await denyAgent(store, question);\n      barred();",
      "      const denial = await denyAgent(store, question);",
    ],
    only(LIVE, "at once"),
  ),
];

const RENEWAL_MUTANTS: readonly Mutant[] = [
  mutant(
    "N2 a nonce is good twice",
    RENEWAL_FILE,
    [
      "const identity: Identity = { ...known, nonces: nonces.filter((one) => one !== nonce) };",
      "const identity: Identity = known;",
    ],
    { file: "test/receiver/renewal-steps.test.ts" },
  ),
  mutant(
    "N2 a nonce is good for ever",
    RENEWAL_FILE,
    [" || facts.nowMs >= nonce.expiresMs", ""],
    only(RENEWAL, "N2"),
  ),
  mutant(
    "N2 any nonce is good",
    RENEWAL_FILE,
    ["nonce.hex !== request.nonce", "nonce.hex === ''"],
    only(RENEWAL, "N2"),
  ),
  mutant(
    "N3 the device signature is not verified",
    RENEWAL_FILE,
    [
      'if (!isProven) return { kind: "refused", reason: "SIGNATURE" };',
      'if (deviceKeyHex === null) return { kind: "refused", reason: "SIGNATURE" };',
    ],
    only(RENEWAL, "N3"),
  ),
  mutant(
    "N4 any generation renews",
    RENEWAL_FILE,
    ["if (generation !== identity.generation) return", "if (generation < 0) return"],
    only(RENEWAL, "I10"),
  ),
  mutant(
    "N4 a superseded certificate does not lock",
    RENEWAL_FILE,
    ["if (facts.isSuperseded) return", "if (facts.isSuperseded && facts.nowMs < 0) return"],
    { file: "test/receiver/renewal-steps.test.ts" },
  ),
  mutant(
    "N4 a lost reply is a copy",
    RENEWAL_FILE,
    ["if (again !== null) return", "if (again !== null && facts.nowMs < 0) return"],
    only(RENEWAL, "lost reply"),
  ),
  mutant(
    "N4 a used generation is answered for another request",
    RENEWAL_FILE,
    ["if (last.csrSha256Hex !== csrSha256Hex) return null;", ""],
    only(RENEWAL, "used generation"),
  ),
  mutant(
    "recoveries are not counted",
    RENEWAL_FILE,
    ["(issued.isExpired ? 1 : 0)", "0"],
    only(RENEWAL, "I11"),
  ),
  mutant(
    "1.7 an agent that is found twice is not locked",
    "receiver/identity/renewal-door.ts",
    ["await store.registry.lockAgent({ agent: agent.id, atMs: clock.nowMs() });", "clock.nowMs();"],
    only(RENEWAL, "I10"),
  ),
];

const ENROLMENT_MUTANTS: readonly Mutant[] = [
  mutant(
    "EN6 a claimed token is anybody's",
    ENROLMENT_FILE,
    [
      'if (token.claim !== null && !isSameClaimant(token.claim, claimant)) return refused("TOKEN_USED");',
      "",
    ],
    only(ENROLMENT, "I06"),
  ),
  mutant(
    "EN6 a claim is written over another one",
    "receiver/store/sqlite/registry-statements.ts",
    ["WHERE id = ? AND revision = ?`", "WHERE id = ? AND revision >= min(0, ?)`"],
    only(REGISTER, "I06"),
    only(ENROLMENT, "fifty"),
  ),
  mutant(
    "EN6 bad signatures are not counted",
    ENROLMENT_FILE,
    ["const failedTries = token.failedTries + 1;", "const failedTries = token.failedTries;"],
    only(ENROLMENT, "sixth"),
  ),
  mutant(
    "EN6 the token's signature is not verified",
    ENROLMENT_FILE,
    [
      "return isSignedBy(tokenKey, byToken) && ",
      "return tokenKey.length > 0 && byToken !== null && ",
    ],
    only(ENROLMENT, "I06"),
    only(ENROLMENT, "I21"),
  ),
  mutant(
    "EN6 the device key need not sign",
    ENROLMENT_FILE,
    [" && isSignedBy(bytesOf(request.deviceKey), byDevice);", " && byDevice !== null;"],
    only(ENROLMENT, "small order"),
  ),
  mutant(
    "1.4 a token does not expire",
    ENROLMENT_FILE,
    [
      'if (nowMs >= token.expiresMs && token.confirmedAtMs === null) return refused("TOKEN_EXPIRED");',
      "",
    ],
    only(ENROLMENT, "expired"),
  ),
  mutant(
    "EN7 nobody has to confirm",
    ENROLMENT_FILE,
    [
      "if (token.confirmedAtMs !== null && token.claim !== null) return",
      "if (token.claim !== null) return",
    ],
    only(ENROLMENT, "EN7"),
  ),
  mutant(
    "EN7 any code confirms",
    ENROLMENT_FILE,
    ['if (token.claim.code !== code) return { kind: "wrongCode" };', ""],
    only(ENROLMENT, "EN7"),
  ),
  mutant(
    "1.5 the machine that had the name before goes on",
    "receiver/identity/administration.ts",
    [
      'change: { serialHex: "", identity: confirmation.identity }',
      "change: { serialHex, identity: confirmation.identity }",
    ],
    only(LIVE, "1.5"),
  ),
  mutant(
    "a denied device key enrols again",
    "receiver/identity/enrolment-door.ts",
    [
      "if (await registry.isDenied(denialsOf(known, request)))",
      "if (denialsOf(known, request).length > 9)",
    ],
    only(ENROLMENT, "G7"),
  ),
  mutant(
    "1.8 anybody asks as often as he likes",
    "receiver/identity/request-rate.ts",
    ["return count <= DOOR_REQUESTS_PER_MINUTE;", "return count > 0;"],
    only(ENROLMENT, "1.8"),
    only(RENEWAL, "1.8"),
  ),
  mutant(
    "1.8 a body that does not say how long it is may have any size",
    "receiver/identity/door-answer.ts",
    ['if (bytes > REQUEST_MAX_BYTES) return "tooLarge";', 'if (bytes > 1e9) return "tooLarge";'],
    only(ENROLMENT, "1.8"),
  ),
  mutant(
    "1.3 what a CA answers is not looked at",
    "receiver/identity/issuing.ts",
    ["if (!fits) throw failed(what);", 'if (!fits && what === "") throw failed(what);'],
    { file: "test/receiver/identity-commands.test.ts", only: "ten years" },
  ),
];

const PROFILE_MUTANTS: readonly Mutant[] = [
  mutant(
    "1.3 a certificate of any length of time fits",
    PROFILE_FILE,
    ["lifetimeMs <= AGENT_LIFETIME_MS + BACKDATED_MS", "lifetimeMs <= 1e15"],
    PROFILE,
  ),
  mutant("1.3 any serial fits", PROFILE_FILE, ["bits <= SERIAL_MIN_BITS || ", ""], PROFILE),
  mutant(
    "1.3 constraints need not be critical",
    PROFILE_FILE,
    ["constraints?.critical !== true || ", "constraints === undefined || "],
    PROFILE,
  ),
  mutant(
    "1.3 a key usage need not be critical",
    PROFILE_FILE,
    [" || usage?.critical !== true) return false;", " || usage === undefined) return false;"],
    PROFILE,
  ),
  mutant(
    "1.3 any key usage fits",
    PROFILE_FILE,
    [
      "if (!isEqual(contentOf(readDer(usage.value), TAG.bitString), [0x07, 0x80])) return false;",
      "",
    ],
    PROFILE,
  ),
  mutant(
    "1.3 a second purpose fits",
    PROFILE_FILE,
    [" || morePurposes.length > 0) return false;", ") return false;"],
    PROFILE,
  ),
  mutant(
    "1.3 an extension that nobody knows fits, though it is critical",
    PROFILE_FILE,
    ["!critical || known.has(oid)", "critical || true || known.has(oid)"],
    PROFILE,
  ),
  mutant(
    "1.3 a request need not be signed",
    CSR_FILE,
    ["if (!isProven) return null;", "if (isProven === undefined) return null;"],
    REQUESTS,
  ),
  mutant(
    "1.3 a request may ask to be a CA",
    CSR_FILE,
    [
      "if (publicKey === null || attributes.some(asksForCa)) return null;",
      "if (publicKey === null || attributes.length > 9) return null;",
    ],
    REQUESTS,
  ),
  mutant(
    "1.3 any key fits",
    CSR_FILE,
    ["return isP256 ? key : null;", "return isP256 || key ? key : null;"],
    REQUESTS,
  ),
];

export const RECEIVER_IDENTITY_MUTANTS: readonly Mutant[] = [
  ...GATE_MUTANTS,
  ...RENEWAL_MUTANTS,
  ...ENROLMENT_MUTANTS,
  ...PROFILE_MUTANTS,
];
