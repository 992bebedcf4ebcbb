/** An identity from a PKCS#12 file, into a slot. Loaded by a short-lived command alone (07, Libraries). @module */
import { X509Certificate } from "node:crypto";
import { readProfile } from "#certs/agent-profile.ts";
import { readP12 } from "#certs/p12.ts";
import { firstOf, serialOf } from "#certs/profile.ts";
import type { SlotContent } from "#certs/slot.ts";
import type { IdentityStore } from "#certs/slots.ts";
import { AgentError, identifierFrom } from "../errors.ts";

export interface P12Import {
  readonly p12: Uint8Array;
  readonly password: string;
  readonly receiverCaPem: string;
  readonly store: IdentityStore;
}

/** @throws {AgentError} `P12_UNREADABLE`, `P12_UNFIT`, `IDENTITY_UNREADABLE` for the receiver's CA, `IDENTITY_NOT_WRITABLE` */
export function importP12({ p12, password, receiverCaPem, store }: P12Import): SlotContent {
  const read = readP12(p12, password);
  if (read.kind === "refused") {
    if (read.flaw === "file")
      throw new AgentError("P12_UNREADABLE", { part: identifierFrom("p12") });
    throw unfit(read.flaw);
  }
  const certificate = new X509Certificate(read.chainPem);
  const profile = readProfile(certificate);
  if (profile.kind === "flawed") throw unfit(`profile.${profile.flaw}`);
  if (firstOf(receiverCaPem)?.ca !== true) {
    throw new AgentError("IDENTITY_UNREADABLE", { part: identifierFrom("receiverCa") });
  }
  const { trustDomain, tenant, agent } = profile;
  const content: SlotContent = {
    ...{ chainPem: read.chainPem, receiverCaPem, trustChain: "[]", generation: 0 },
    ...{ trustDomain, tenant, agent, serialHex: serialOf(certificate) },
    notBeforeMs: certificate.validFromDate.getTime(),
    notAfterMs: certificate.validToDate.getTime(),
  };
  store.beginImport(read.key).complete(content);
  return content;
}

const unfit = (flaw: string): AgentError =>
  new AgentError("P12_UNFIT", { flaw: identifierFrom(flaw) });
