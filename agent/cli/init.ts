/** `holdfast init`: writes a first `local.yaml`. @module */
import { AgentError, codeOf, EXIT, type ExitCode } from "../errors.ts";
import { createFile } from "../host/atomic-file.ts";
import { printFacts } from "./terminal.ts";

export interface InitOptions {
  readonly config: string;
  readonly stateDir: string;
  readonly receiver: string;
  readonly port: number;
  readonly json: boolean;
}

/** Never overwrites. @throws {AgentError} `FILE_EXISTS`, `FILE_NOT_WRITABLE` */
export function init(options: InitOptions): ExitCode {
  try {
    createFile(options.config, localYaml(options), 0o640);
  } catch (error) {
    throw notWritten(error);
  }
  printFacts(options.json, { config: options.config }, () => [
    `Wrote ${options.config}`,
    "Next: put certificate, key and receiver CA where it says, check the channel, then",
    `  holdfast run --config ${options.config}`,
  ]);
  return EXIT.ok;
}

function notWritten(cause: unknown): AgentError {
  const sysCode = codeOf(cause);
  const code = sysCode === "EEXIST" ? "FILE_EXISTS" : "FILE_NOT_WRITABLE";
  return new AgentError(code, { sysCode }, { cause });
}

const quoted = (text: string): string => JSON.stringify(text);

function localYaml({ stateDir, receiver, port }: InitOptions): string {
  return `# Holdfast: the hospital's own file. Remote configuration can never exceed it.
# Paths may be relative to this file. README.md lists every setting with its default.

stateDir: ${quoted(stateDir)}     # the store: on a local disk, private to the service account

receiver:
  url: ${quoted(receiver)}        # the one outbound connection, mutual TLS 1.3

identity:
  certificate: ${quoted(`${stateDir}/identity/agent.crt`)}
  key: ${quoted(`${stateDir}/identity/agent.key`)}           # mode 0600
  receiverCa: ${quoted(`${stateDir}/identity/receiver-ca.crt`)}

channels:
  - name: adt
    kind: mllp-listener
    host: 127.0.0.1               # never all interfaces by default
    port: ${port}
    # allow: [10.20.0.0/16]       # who may connect; required unless host is a loopback address
`;
}
