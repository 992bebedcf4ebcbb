/** Where what support may ask comes from: the parts of the running agent, asked for what `agent/control` names (08 4.4, 5.1). @module */
import { hash, X509Certificate } from "node:crypto";
import type { LocalConfig } from "#config/local.ts";
import { isClockSuspect } from "#documents/time.ts";
import { readEntry } from "./audit/entry.ts";
import { effectiveDigestOf } from "./configuration/ledger.ts";
import type {
  AuditFacts,
  CertificateFacts,
  ControlFacts,
  DiskFacts,
  StructureFacts,
  TransitionFacts,
} from "./control/facts.ts";
import type { ControlOptions } from "./control-options.ts";
import { AgentError } from "./errors.ts";
import { diskSpaceOf } from "./host/disk-space.ts";
import { shapeOf } from "./ingest/hl7/message-shape.ts";
import type { Outbox } from "./outbox/outbox.ts";
import { probeHosts } from "./probe-hosts.ts";

const FLUSHES = 3;
const TRANSITIONS_MAX_COUNT = 50;
/** So far back it is looked for them. */
const ENTRIES_MAX_COUNT = 5_000;
const PAGE_ROWS = 500;
/** Of a message: what is behind it is counted, and not looked at. */
const LOOKED_MAX_BYTES = 1_048_576;

const TRANSITION = /^(?:trust|config|approval|policy)\./;

export function controlFacts(options: ControlOptions): ControlFacts {
  const { status, startedAtMs, skewMs, clock, enrolled, events, config, running } = options;
  const ledger = enrolled?.configuration.ledger;
  return {
    status,
    clock: () => ({
      ...{ nowMs: clock.nowMs(), upSinceMs: startedAtMs, skewMs: skewMs() },
      floorMs: ledger?.time.floorMs ?? 0,
      isSuspect: ledger !== undefined && isClockSuspect(ledger.time),
    }),
    disk: () => diskFacts(options),
    configuration: () => {
      const { channels, drops, senders, folderSenders } = running.set;
      return {
        digest: (ledger && effectiveDigestOf(ledger.lifeCycle)) ?? undefined,
        local: withoutChannels(config),
        channels: [...channels, ...drops, ...senders, ...folderSenders],
        hosts: probeHosts(config, running.set),
      };
    },
    structure: (channel, epoch, seq) => structureOf(options.outbox, channel, epoch, seq),
    events: () => events.all,
    transitions: () => transitionsIn(options.outbox),
    certificates: () => certificatesOf(options),
    audit: () => auditFacts(options),
  };
}

async function diskFacts({ config, outbox, clock }: ControlOptions): Promise<DiskFacts> {
  const { totalBytes, freeBytes } = await diskSpaceOf(config.stateDir);
  const flushMs: number[] = [];
  for (let count = 0; count < FLUSHES; count++) {
    const beganMs = clock.monotonicMs();
    await outbox.probe();
    flushMs.push(Math.round((clock.monotonicMs() - beganMs) * 100) / 100);
  }
  return { totalBytes, freeBytes, flushMs, custody: config.kek.custody };
}

const withoutChannels = (config: LocalConfig): object => {
  const { channels: _, drops: __, senders: ___, folderSenders: ____, ...rest } = config;
  return rest;
};

/** @throws {AgentError} `MESSAGE_NOT_HERE` */
async function structureOf(
  outbox: Outbox,
  name: string,
  epoch: number,
  seq: number,
): Promise<StructureFacts> {
  const tail = outbox.channels.find((one) => one.name === name);
  // Our own messages have no structure of HL7.
  if (tail === undefined || name.startsWith("$")) throw new AgentError("MESSAGE_NOT_HERE", {});
  const place = { channel: tail.channel, epoch: BigInt(epoch), seq: BigInt(seq) };
  const found = await outbox.epochs.peek(place, LOOKED_MAX_BYTES);
  if (found === undefined) throw new AgentError("MESSAGE_NOT_HERE", {});
  const { bytes, length, controlId } = found;
  return { shape: shapeOf(bytes), length, looked: bytes.length, controlId };
}

async function transitionsIn({ trust }: Outbox): Promise<TransitionFacts[]> {
  const { seq: last } = await trust.auditHead();
  const found: TransitionFacts[] = [];
  let after = Math.max(0, last - ENTRIES_MAX_COUNT);
  while (after < last) {
    const rows = await trust.auditPage(after, PAGE_ROWS);
    for (const { atMs, bytes, seq } of rows) {
      after = seq;
      const entry = readEntry(bytes);
      if (entry === undefined || !TRANSITION.test(entry.action)) continue;
      const { action, subject, decision } = entry;
      found.push({ atMs, action, subject, decision });
    }
    if (rows.length === 0) break;
  }
  return found.slice(-TRANSITIONS_MAX_COUNT);
}

function certificatesOf({ enrolled, ownCertificate }: ControlOptions): CertificateFacts[] {
  const own = ownCertificate();
  const trust = enrolled?.configuration.ledger.trust;
  return [
    ...(own === undefined ? [] : [certificateFacts("agent", own)]),
    ...(trust?.receiverCas ?? []).map((pem) => certificateFacts("receiverCa", pem)),
  ];
}

function certificateFacts(use: CertificateFacts["use"], pem: string): CertificateFacts {
  const certificate = new X509Certificate(pem);
  const { serialNumber, issuer, validFrom, validTo, raw } = certificate;
  return {
    ...{ use, serial: serialNumber.toLowerCase(), issuer, fingerprint: hash("sha256", raw) },
    ...{ notBeforeMs: Date.parse(validFrom), notAfterMs: Date.parse(validTo) },
  };
}

async function auditFacts({ recording }: ControlOptions): Promise<AuditFacts> {
  const { seq, hash: head } = recording.audit.head;
  const isSigned = recording.signer !== undefined;
  return { seq, hash: head, envelope: isSigned ? await recording.signedStatus() : undefined };
}
