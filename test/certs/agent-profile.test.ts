import "#certs/reflect-metadata.ts";
import assert from "node:assert/strict";
import { webcrypto, X509Certificate } from "node:crypto";
import { describe, test } from "node:test";
import {
  BasicConstraintsExtension,
  CertificatePolicyExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from "@peculiar/x509";
import { readProfile } from "#certs/agent-profile.ts";
import { createIssuer } from "#certs/issuing.ts";

const DAY_MS = 86_400_000;
const NOW = Date.UTC(2031, 5, 1);
const NAME = "spiffe://holdfast.local/tenant/north/agent/ward-1";
const { issuer } = await createIssuer("Agents of the test", NOW);

interface Wanted {
  readonly subject?: string;
  readonly serial?: string;
  readonly days?: number;
  readonly curve?: string;
  readonly hash?: string;
  readonly usage?: Extension | null;
  readonly purpose?: Extension | null;
  readonly constraints?: Extension | null;
  readonly names?: Extension | null;
  readonly more?: readonly Extension[];
}

/** The profile, but for what is wanted otherwise; null leaves an extension out. */
async function certificateWith(wanted: Wanted = {}): Promise<X509Certificate> {
  const keys = await webcrypto.subtle.generateKey(
    { name: "ECDSA", namedCurve: wanted.curve ?? "P-256" },
    true,
    ["sign", "verify"],
  );
  const or = (given: Extension | null | undefined, profile: Extension): Extension[] =>
    given === null ? [] : [given ?? profile];
  const issued = await X509CertificateGenerator.create(
    {
      serialNumber: wanted.serial ?? "8f".repeat(16),
      subject: wanted.subject ?? "CN=ward-1",
      issuer: issuer.certificate.subjectName,
      notBefore: new Date(NOW - 3_600_000),
      notAfter: new Date(NOW + (wanted.days ?? 30) * DAY_MS),
      signingAlgorithm: { name: "ECDSA", hash: wanted.hash ?? "SHA-256" },
      publicKey: keys.publicKey,
      signingKey: issuer.signingKey,
      extensions: [
        ...or(wanted.constraints, new BasicConstraintsExtension(false, undefined, true)),
        ...or(wanted.usage, new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true)),
        ...or(wanted.purpose, new ExtendedKeyUsageExtension([ExtendedKeyUsage.clientAuth])),
        ...or(wanted.names, nameExtension(NAME)),
        ...(wanted.more ?? []),
      ],
    },
    webcrypto,
  );
  return new X509Certificate(Buffer.from(issued.rawData));
}

const nameExtension = (...values: readonly string[]) =>
  new SubjectAlternativeNameExtension(values.map((value) => ({ type: "url" as const, value })));
const usages = (flags: number, critical = true) => new KeyUsagesExtension(flags, critical);
const { digitalSignature, keyAgreement, keyCertSign } = KeyUsageFlags;

const FLAWED: readonly { readonly what: string; readonly flaw: string; readonly wanted: Wanted }[] =
  [
    { what: "a key on P-384", flaw: "key", wanted: { curve: "P-384" } },
    { what: "a signature with SHA-384", flaw: "key", wanted: { hash: "SHA-384" } },
    { what: "a serial of 64 bits", flaw: "serial", wanted: { serial: "8f".repeat(8) } },
    { what: "a serial of 136 bits", flaw: "serial", wanted: { serial: "8f".repeat(17) } },
    { what: "31 days", flaw: "validity", wanted: { days: 31 } },
    { what: "ten years", flaw: "validity", wanted: { days: 3_650 } },
    { what: "an end before its beginning", flaw: "validity", wanted: { days: -2 } },
    { what: "another common name", flaw: "subject", wanted: { subject: "CN=ward-2" } },
    { what: "more names", flaw: "subject", wanted: { subject: "CN=ward-1, O=North" } },
    { what: "two common names in one", flaw: "subject", wanted: { subject: "CN=ward-1+CN=x" } },
    { what: "no alternative name", flaw: "subject", wanted: { names: null } },
    {
      what: "two alternative names",
      flaw: "subject",
      wanted: { names: nameExtension(NAME, `${NAME}2`) },
    },
    {
      what: "a second name within the first",
      flaw: "subject",
      wanted: { names: nameExtension(`${NAME}, URI:${NAME}`) },
    },
    {
      what: "a name that is no agent's",
      flaw: "subject",
      wanted: { names: nameExtension("spiffe://holdfast.local/tenant/north") },
    },
    { what: "no key usage", flaw: "usage", wanted: { usage: null } },
    {
      what: "a key usage that is not critical",
      flaw: "usage",
      wanted: { usage: usages(digitalSignature, false) },
    },
    {
      what: "a second key usage",
      flaw: "usage",
      wanted: { usage: usages(digitalSignature | keyAgreement) },
    },
    { what: "another key usage", flaw: "usage", wanted: { usage: usages(keyCertSign) } },
    { what: "no purpose", flaw: "usage", wanted: { purpose: null } },
    {
      what: "a server's purpose",
      flaw: "usage",
      wanted: { purpose: new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]) },
    },
    {
      what: "two purposes",
      flaw: "usage",
      wanted: {
        purpose: new ExtendedKeyUsageExtension([
          ExtendedKeyUsage.clientAuth,
          ExtendedKeyUsage.serverAuth,
        ]),
      },
    },
    { what: "no basic constraints", flaw: "usage", wanted: { constraints: null } },
    {
      what: "basic constraints that are not critical",
      flaw: "usage",
      wanted: { constraints: new BasicConstraintsExtension(false) },
    },
    {
      what: "CA:TRUE",
      flaw: "usage",
      wanted: { constraints: new BasicConstraintsExtension(true, 0, true) },
    },
    {
      what: "a critical extension that nobody knows",
      flaw: "usage",
      wanted: { more: [new CertificatePolicyExtension(["1.2.3.4"], true)] },
    },
    {
      what: "an extension twice",
      flaw: "encoding",
      wanted: { more: [new ExtendedKeyUsageExtension([ExtendedKeyUsage.clientAuth])] },
    },
  ];

describe("profile of an agent's certificate", () => {
  test("[G5] [07 1.3] the profile fits, and says whom it names", async () => {
    const named = { trustDomain: "holdfast.local", tenant: "north", agent: "ward-1" };
    assert.deepEqual(readProfile(await certificateWith()), { kind: "fits", ...named });
  });

  test("[G5] a shorter time, and an extension that is not critical, harm nobody", async () => {
    const more = [new CertificatePolicyExtension(["1.2.3.4"])];
    assert.equal(readProfile(await certificateWith({ days: 1, more })).kind, "fits");
  });

  for (const { what, flaw, wanted } of FLAWED) {
    test(`[G5] [07 1.3] ${what} does not fit`, async () => {
      assert.deepEqual(readProfile(await certificateWith(wanted)), { kind: "flawed", flaw });
    });
  }
});
