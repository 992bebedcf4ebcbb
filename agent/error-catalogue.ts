/**
 * Everything that this agent can report as having gone wrong, one row per code, with what to do.
 *
 * Codes are public: operators search for them, the receiver counts them, tests assert on them. A code
 * is never renamed or reused.
 *
 * @module
 */

/** What whoever catches the error may do about it. Nobody decides from the message text. */
export type Disposition =
  /** Try again later, unchanged: the fault says nothing about the message. */
  | "retry"
  /** Set this one message aside and go on with the next. */
  | "quarantine"
  /** Stop: going on could lose or corrupt data. */
  | "halt";

/** Exit codes are API (sysexits): 64, 77 and 78 are not restarted by a service manager (09 SV6). */
export const EXIT = {
  ok: 0,
  usage: 64,
  badData: 65,
  unavailable: 69,
  defect: 70,
  cannotCreate: 73,
  tryAgain: 75,
  notPermitted: 77,
  configuration: 78,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export interface CatalogueRow {
  readonly disposition: Disposition;
  /** What the process ends with, should this end it. */
  readonly exit: ExitCode;
  readonly summary: string;
  readonly remedy: string;
}

export const CATALOGUE = {
  AGENT_DEFECT: {
    disposition: "halt",
    exit: EXIT.defect,
    summary: "The agent met a state that it believes impossible, and stopped",
    remedy: "The service manager restarts it; report the code and the facts to the vendor",
  },
  AGENT_NOT_REACHABLE: {
    disposition: "retry",
    exit: EXIT.notPermitted,
    summary: "This account may not ask the agent that runs on this state directory",
    remedy: "Run the command as the service account, for example with: sudo -u holdfast",
  },
  AGENT_NOT_RUNNING: {
    disposition: "retry",
    exit: EXIT.unavailable,
    summary: "No running agent answers on this state directory",
    remedy: "Start it with: holdfast run --config FILE",
  },
  ENDPOINT_UNREACHABLE: {
    disposition: "retry",
    exit: EXIT.unavailable,
    summary: "The MLLP endpoint cannot be reached",
    remedy: "Check host and port, and that the listener runs and allows this address",
  },
  FILE_EXISTS: {
    disposition: "halt",
    exit: EXIT.cannotCreate,
    summary: "The file exists already and was left as it is",
    remedy: "Choose another path, or move the file away",
  },
  FILE_NOT_READABLE: {
    disposition: "halt",
    exit: EXIT.badData,
    summary: "A file cannot be read",
    remedy: "Check the path and its rights",
  },
  FILE_NOT_WRITABLE: {
    disposition: "halt",
    exit: EXIT.cannotCreate,
    summary: "The file cannot be written",
    remedy: "Check that the folder exists, that it is writable and that the disk is not full",
  },
  IDENTITY_UNREADABLE: {
    disposition: "halt",
    exit: EXIT.configuration,
    summary: "The agent's certificate, its key or the receiver's CA cannot be read",
    remedy: "Check the paths under identity in the configuration and the rights of the files",
  },
  IDENTITY_MISMATCH: {
    disposition: "halt",
    exit: EXIT.configuration,
    summary: "The agent's private key does not belong to its certificate",
    remedy: "Put the key and the certificate of the same enrolment beside each other",
  },
  IDENTITY_EXPOSED: {
    disposition: "halt",
    exit: EXIT.notPermitted,
    summary: "The agent's private key can be read by other accounts",
    remedy: "Restrict it to the service account: chmod 600 FILE",
  },
  LISTEN_PORT_IN_USE: {
    disposition: "halt",
    exit: EXIT.unavailable,
    summary: "Another program already listens on the port of a channel",
    remedy: "Find it with: ss -ltnp; stop it, or give the channel another port",
  },
  LISTEN_NOT_PERMITTED: {
    disposition: "halt",
    exit: EXIT.notPermitted,
    summary: "The operating system does not let this account listen on the port of a channel",
    remedy: "Use a port above 1023, or grant CAP_NET_BIND_SERVICE to the service",
  },
  LISTEN_ADDRESS_UNKNOWN: {
    disposition: "halt",
    exit: EXIT.unavailable,
    summary: "The host of a channel is not an address of this machine",
    remedy: "Use an address that 'ip addr' shows, or 127.0.0.1",
  },
  LISTEN_TLS_MATERIAL: {
    disposition: "halt",
    exit: EXIT.configuration,
    summary: "The TLS certificate, key or client CA of a channel cannot be used",
    remedy: "Check the files under tls of the channel: PEM, key of the certificate, mode 0600",
  },
  LISTEN_FAILED: {
    disposition: "halt",
    exit: EXIT.unavailable,
    summary: "A channel cannot listen",
    remedy: "The fact sysCode says why; see the operating system's documentation for it",
  },
  LOCAL_SOCKET_FAILED: {
    disposition: "halt",
    exit: EXIT.cannotCreate,
    summary: "The local socket in the state directory cannot be opened",
    remedy:
      "Use a stateDir whose path is shorter than 90 characters, on a file system with sockets",
  },
  QUARANTINE_FULL: {
    disposition: "quarantine",
    exit: EXIT.unavailable,
    summary:
      "A block that is no message cannot be kept: quarantine is full; its sender was hung up on",
    remedy: "Find the sender of such blocks (status, log); the limit protects the other channels",
  },
  QUARANTINE_NOT_WHOLE: {
    disposition: "retry",
    exit: EXIT.badData,
    summary: "A fragment cannot be released: its end never came, or only its beginning is kept",
    remedy: "Discard it; its sender was never told that it arrived, and sends the message again",
  },
  QUARANTINE_UNKNOWN: {
    disposition: "retry",
    exit: EXIT.badData,
    summary: "Nothing with this number is in quarantine",
    remedy: "List what there is with: holdfast quarantine list",
  },
  STORE_LOCKED: {
    disposition: "halt",
    exit: EXIT.tryAgain,
    summary: "Another process has the store open",
    remedy: "Stop the other agent or database tool that uses this state directory, then try again",
  },
  STORE_NOT_DURABLE: {
    disposition: "halt",
    exit: EXIT.defect,
    summary: "The store does not flush each commit (synchronous is below FULL), so nothing is safe",
    remedy: "Do not run this build: report it to the vendor. No message was acknowledged",
  },
  STORE_CORRUPT: {
    disposition: "halt",
    exit: EXIT.defect,
    summary: "The store is damaged",
    remedy: "Keep the state directory as it is and call the vendor; do not restore an old copy",
  },
  STORE_IO: {
    disposition: "halt",
    exit: EXIT.defect,
    summary: "The operating system reported an input/output error on the store",
    remedy: "Look for disk errors in the system log; unacknowledged messages are sent again",
  },
  STORE_FULL: {
    disposition: "retry",
    exit: EXIT.unavailable,
    summary: "The store cannot grow: the disk is full",
    remedy: "Free space on the volume of the state directory; listeners reopen by themselves",
  },
  STORE_BUSY: {
    disposition: "retry",
    exit: EXIT.tryAgain,
    summary: "The store did not take a message in time",
    remedy: "Check the disk's latency; listeners reopen by themselves",
  },
  STORE_NEWER_SCHEMA: {
    disposition: "halt",
    exit: EXIT.configuration,
    summary: "The store was written by a newer version of Holdfast",
    remedy: "Install that version or a newer one; this one leaves the store untouched",
  },
  STORE_NOT_PERMITTED: {
    disposition: "halt",
    exit: EXIT.notPermitted,
    summary: "The state directory or the store is not writable by, or not private to, this account",
    remedy: "Give it to the service account with mode 0700 (chown, chmod 700)",
  },
  STORE_CANNOT_OPEN: {
    disposition: "halt",
    exit: EXIT.cannotCreate,
    summary: "The store cannot be created or opened",
    remedy: "Check that the state directory exists or can be made, and that the disk is not full",
  },
  STORE_VOLATILE: {
    disposition: "halt",
    exit: EXIT.configuration,
    summary: "The state directory is on a file system that does not survive a reboot",
    remedy: "Put stateDir on a disk; for trials only, set allowVolatileState: true",
  },
  STORE_REMOTE: {
    disposition: "halt",
    exit: EXIT.configuration,
    summary: "The state directory is on a network or user-space file system",
    remedy: "Put stateDir on a local disk: such file systems do not keep SQLite's promises",
  },
  STORE_BODY_DAMAGED: {
    disposition: "quarantine",
    exit: EXIT.badData,
    summary: "A stored message no longer has the SHA-256 that it was stored with",
    remedy: "The channel is held; check the disk, then ask the vendor how to release it",
  },
  WRITER_DIED: {
    disposition: "halt",
    exit: EXIT.defect,
    summary: "The store's writer ended unexpectedly; nothing acknowledged is lost",
    remedy: "The service manager restarts the agent; report it if it happens again",
  },
  TUNNEL_UNREACHABLE: {
    disposition: "retry",
    exit: EXIT.unavailable,
    summary: "The receiver cannot be reached",
    remedy:
      "Check DNS and firewall for the host of receiver.url (a direct outbound path); it is tried for ever",
  },
  TUNNEL_PEER_UNTRUSTED: {
    disposition: "retry",
    exit: EXIT.unavailable,
    summary:
      "The receiver's certificate does not chain to the configured CA, names another host, or is not valid now",
    remedy:
      "If TLS inspection stands between, exempt the receiver's host; else compare CA file and clocks",
  },
  TUNNEL_REFUSED: {
    disposition: "retry",
    exit: EXIT.unavailable,
    summary: "The receiver refused this agent's certificate",
    remedy: "Ask the receiver's operator whether this agent is added; status shows the reason",
  },
  TUNNEL_VERSION: {
    disposition: "retry",
    exit: EXIT.unavailable,
    summary: "The receiver speaks no protocol version that this agent speaks",
    remedy: "Upgrade the older side; messages are kept meanwhile",
  },
  TUNNEL_PROTOCOL: {
    disposition: "retry",
    exit: EXIT.unavailable,
    summary:
      "The receiver broke the tunnel protocol, or said that we did; the connection was closed",
    remedy: "It reconnects by itself; if it repeats, report both versions to the vendor",
  },
  TUNNEL_SILENT: {
    disposition: "retry",
    exit: EXIT.unavailable,
    summary: "Nothing came from the receiver in time; the connection was dropped",
    remedy:
      "It reconnects by itself; if it repeats, look for a firewall that drops idle connections",
  },
  TUNNEL_FENCED: {
    disposition: "retry",
    exit: EXIT.unavailable,
    summary: "Another agent connected to the receiver with this agent's identity",
    remedy:
      "Find and stop the copy; an identity belongs to one machine. It is tried again by itself",
  },
  MESSAGE_REFUSED: {
    disposition: "halt",
    exit: EXIT.unavailable,
    summary:
      "The receiver refused a message for good (rejectCode 2: larger than its messageLimitBytes)",
    remedy:
      "Raise messageLimitBytes at the receiver and restart both; the channel is held, nothing is lost",
  },
  CHANNEL_UNKNOWN: {
    disposition: "retry",
    exit: EXIT.badData,
    summary: "There is no channel of this name",
    remedy: "List the channels with: holdfast channel list",
  },
  CHANNEL_PARTED: {
    disposition: "halt",
    exit: EXIT.defect,
    summary: "The receiver holds other messages under this channel's numbers (a restored store?)",
    remedy: "The channel is held and nothing is lost; compare both sides with trace and export",
  },
  BACKUP_DAMAGED: {
    disposition: "retry",
    exit: EXIT.badData,
    summary: "The backup is not whole, or not what its manifest says",
    remedy: "Take another backup; nothing was changed",
  },
  BACKUP_FOLDER_TAKEN: {
    disposition: "retry",
    exit: EXIT.cannotCreate,
    summary: "There is something at that place already",
    remedy: "Name a folder that does not exist yet",
  },
  BACKUP_RUNNING: {
    disposition: "retry",
    exit: EXIT.tryAgain,
    summary: "A backup is being made",
    remedy: "Wait until it is finished",
  },
  DISK_LOW: {
    disposition: "retry",
    exit: EXIT.tryAgain,
    summary: "The disk has less free space than the store must keep",
    remedy: "Free disk space; no message is acknowledged meanwhile, what is stored goes on leaving",
  },
  KEK_MISSING: {
    disposition: "halt",
    exit: EXIT.configuration,
    summary: "The key-encryption key is not where the configuration says",
    remedy:
      "Put it back from its custody; without it stored messages cannot be read, and none is accepted",
  },
  KEK_WRONG: {
    disposition: "halt",
    exit: EXIT.configuration,
    summary: "The key-encryption key is not the one that this store is sealed with",
    remedy: "Give the key that belongs to this state folder; a new one is never made in its place",
  },
  KEK_EXPOSED: {
    disposition: "halt",
    exit: EXIT.configuration,
    summary: "The key-encryption key is not private, or lies in the state folder",
    remedy:
      "Give it mode 0400 in a folder of mode 0700 of the service account, outside of stateDir",
  },
  KEY_FILE_DAMAGED: {
    disposition: "halt",
    exit: EXIT.configuration,
    summary: "A key file below stateDir/keys is missing or damaged",
    remedy:
      "Restore that file from a backup of the state folder; messages sealed with it cannot be read",
  },
  REPLAY_EMPTY: {
    disposition: "retry",
    exit: EXIT.badData,
    summary: "Nothing that is still kept was selected",
    remedy: "Select otherwise: settled messages are kept for retainHours",
  },
  SEAL_BROKEN: {
    disposition: "quarantine",
    exit: EXIT.defect,
    summary: "Stored bytes do not open: they were altered, or moved",
    remedy: "The row stays as it is; keep the disk and the store for analysis",
  },
  STORE_RUNNING: {
    disposition: "retry",
    exit: EXIT.tryAgain,
    summary: "An agent runs on this state directory",
    remedy: "Stop it first",
  },
  STORE_ROLLED_BACK: {
    disposition: "retry",
    exit: EXIT.defect,
    summary: "The store is older than it was when it last wrote (a restored copy, or damage)",
    remedy: "Compare the missing range with the senders; they may have to send it again",
  },
} as const satisfies Record<string, CatalogueRow>;
