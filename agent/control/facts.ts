/**
 * What operations may ask of the running agent: snapshots and counts that other parts make, and of a message how it is
 * built (08 4.4). No body comes through here, nor a name of a file.
 *
 * @module
 */
import type { LoggedEvent } from "../host/event-ring.ts";
import type { AgentStatus } from "../status.ts";

export interface ClockFacts {
  readonly nowMs: number;
  readonly upSinceMs: number;
  /** The receiver's clock minus ours at the last WELCOME. */
  readonly skewMs: number | undefined;
  /** 07 2.5. */
  readonly floorMs: number;
  readonly isSuspect: boolean;
}

export interface DiskFacts {
  readonly totalBytes: number;
  readonly freeBytes: number;
  /** Of what the store flushed just now, one after the other. */
  readonly flushMs: readonly number[];
  readonly custody: "file" | "dpapi" | "credential";
}

/** A host that configuration names: what a probe may ask about (X8). */
export interface ProbeHost {
  readonly host: string;
  readonly port: number;
  readonly use: "receiver" | "proxy" | "siem" | "destination";
  readonly channel?: string | undefined;
}

export interface ConfigurationFacts {
  /** Of the signed configuration in effect. */
  readonly digest: string | undefined;
  /** `local.yaml` without its channels. */
  readonly local: object;
  readonly channels: readonly object[];
  readonly hosts: readonly ProbeHost[];
}

/** Names are those of lists, or `?`. */
export interface StructureFacts {
  readonly shape: {
    readonly code: string;
    readonly event: string;
    readonly structure: string;
    readonly version: string;
    readonly segments: readonly {
      readonly id: string;
      readonly fieldCount: number;
      readonly lengths: readonly string[];
    }[];
    readonly segmentCount: number;
  };
  readonly length: number;
  /** So much of it was looked at. */
  readonly looked: number;
  /** Only ever shown as a token. */
  readonly controlId: Uint8Array;
}

/** An entry of the audit about configuration or trust. */
export interface TransitionFacts {
  readonly atMs: number;
  readonly action: string;
  readonly subject: string | undefined;
  readonly decision: string | undefined;
}

export interface CertificateFacts {
  readonly use: "agent" | "receiverCa";
  readonly serial: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** SHA-256 of the whole. */
  readonly fingerprint: string;
  /** Only ever shown as a token: somebody else wrote it. */
  readonly issuer: string;
}

export interface AuditFacts {
  readonly seq: number;
  readonly hash: Uint8Array;
  /** The head, signed by the device key (07 2.2). */
  readonly envelope: Uint8Array | undefined;
}

export interface ControlFacts {
  readonly status: () => Promise<AgentStatus>;
  readonly clock: () => ClockFacts;
  readonly disk: () => Promise<DiskFacts>;
  readonly configuration: () => ConfigurationFacts;
  /** @throws {AgentError} `MESSAGE_NOT_HERE` */
  readonly structure: (channel: string, epoch: number, seq: number) => Promise<StructureFacts>;
  readonly events: () => readonly LoggedEvent[];
  /** The last 50, oldest first. */
  readonly transitions: () => Promise<readonly TransitionFacts[]>;
  readonly certificates: () => readonly CertificateFacts[];
  readonly audit: () => Promise<AuditFacts>;
}
