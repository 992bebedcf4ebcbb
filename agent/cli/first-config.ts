/** The first `local.yaml` of a machine: what must be said, with remarks for whoever goes on with it. @module */
import { DEFAULT_KEK_FILE } from "#config/local.ts";

export type Custody = "file" | "dpapi" | "credential";

export interface FirstConfig {
  readonly stateDir: string;
  readonly receiver: string;
  readonly port: number;
  readonly custody: Custody;
}

const quoted = (text: string): string => JSON.stringify(text);

const KEK: Readonly<Record<Custody, string>> = {
  file: `kek:                              # the key that opens what is stored; without it nothing does
  custody: file
  file: ${DEFAULT_KEK_FILE}         # mode 0400 in a folder of mode 0700, outside stateDir`,
  dpapi: `kek:                              # the key that opens what is stored; without it nothing does
  custody: dpapi                  # wrapped by Windows: it opens on this machine alone
  file: ${DEFAULT_KEK_FILE}         # the service, administrators and SYSTEM may read it; outside stateDir`,
  credential: `kek:                              # the key that opens what is stored; without it nothing does
  custody: credential             # systemd opens it for the service alone: docs/linux-service.md`,
};

export function firstConfig(first: FirstConfig, diskBudgetBytes: number): string {
  const { stateDir, receiver, port, custody } = first;
  return `# Holdfast: the hospital's own file. Remote configuration can never exceed it.
# Paths may be relative to this file. README.md lists every setting with its default.

stateDir: ${quoted(stateDir)}     # the store: on a local disk, private to the service account
diskBudgetBytes: ${diskBudgetBytes}   # what it may take: 80 % of what was free at first, or 20 GiB

${KEK[custody]}

receiver:
  url: ${quoted(receiver)}        # the one outbound connection, mutual TLS 1.3
                                  # keys and certificate: holdfast enroll --token-file FILE

channels:
  - name: adt
    kind: mllp-listener
    host: 127.0.0.1               # never all interfaces by default
    port: ${port}
    # allow: [10.20.0.0/16]       # who may connect; required unless host is a loopback address
`;
}
