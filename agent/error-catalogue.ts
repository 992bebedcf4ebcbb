/**
 * Everything that this agent can report as having gone wrong, one row per code, with what to do.
 *
 * Codes are public: operators search for them, the receiver counts them, tests assert on them. A code
 * is never renamed or reused.
 *
 * @module
 */
import { ADD_ON_ERRORS } from "./add-on-errors.ts";
import { CONFIG_ERRORS } from "./config-errors.ts";
import { type CatalogueRow, EXIT } from "./exit-codes.ts";
import { FOLDER_ERRORS } from "./folder-errors.ts";
import { IDENTITY_ERRORS } from "./identity-errors.ts";
import { RELEASE_ERRORS } from "./release-errors.ts";
import { SERVICE_ERRORS } from "./service-errors.ts";
import { STORE_ERRORS } from "./store-errors.ts";
import { SUPPORT_ERRORS } from "./support-errors.ts";
import { TUNNEL_ERRORS } from "./tunnel-errors.ts";
import { WINDOWS_ERRORS } from "./windows-errors.ts";

export const CATALOGUE = {
  AGENT_DEFECT: {
    disposition: "halt",
    exit: EXIT.defect,
    summary: "The agent met a state that it believes impossible, and stopped",
    remedy: "The service manager restarts it; report the code and the facts to the vendor",
  },
  APPROVER_SOCKET_UNFIT: {
    disposition: "retry",
    exit: EXIT.configuration,
    summary:
      "The socket for approvers was not opened: its folder is absent, open to others, of another owner or taken (fact flaw)",
    remedy:
      "Make the folder of approverSocket 2750, of the service account and the group holdfast-approvers, then restart the agent",
  },
  NOT_FOR_APPROVERS: {
    disposition: "retry",
    exit: EXIT.notPermitted,
    summary:
      "A member of holdfast-approvers may see and decide about configurations, support and updates, and nothing else",
    remedy: "Run the command as the service account, for example with: sudo -u holdfast",
  },
  AGENT_NOT_REACHABLE: {
    disposition: "retry",
    exit: EXIT.notPermitted,
    summary: "This account may not ask the agent that runs on this state directory",
    remedy:
      "Run the command as the service account, for example with: sudo -u holdfast; to approve configurations, as a member of holdfast-approvers",
  },
  AGENT_NOT_RUNNING: {
    disposition: "retry",
    exit: EXIT.unavailable,
    summary: "No running agent answers on this state directory",
    remedy: "Start it with: holdfast run --config FILE",
  },
  MAINTENANCE_REFUSED: {
    disposition: "retry",
    exit: EXIT.usage,
    summary: "A maintenance window is longer than a week, or there are a hundred already",
    remedy: "Begin a shorter one, or end others: holdfast maintenance stop",
  },
  DRILL_REFUSED: {
    disposition: "retry",
    exit: EXIT.tryAgain,
    summary: "An outage drill cannot begin now (fact why)",
    remedy:
      "running: another one is not over, see holdfast drill status; notStreaming: mend the tunnel first; room: the store would not last, make it shorter or see docs/operate.md; alarm: end the alarm of the fact first; configuration: wait until it is in effect",
  },
  DRILL_INTERRUPTED: {
    disposition: "retry",
    exit: EXIT.tryAgain,
    summary: "The agent was started anew during the drill, which ended it; nothing is lost by that",
    remedy: "See that what waits leaves with holdfast status; begin another drill",
  },
  MAIL_CREDENTIALS: {
    disposition: "retry",
    exit: EXIT.configuration,
    summary: "The password or CA file under mail cannot be used",
    remedy: "Check the files under mail: one line, PEM, mode 0600, of the service account",
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
  DEVICE_KEY_ABSENT: {
    disposition: "retry",
    exit: EXIT.configuration,
    summary: "This agent has no device key, so that nothing can be signed by it or held against it",
    remedy: "Enrol it; an identity whose files were put in place by hand is for trials",
  },
  ...IDENTITY_ERRORS,
  ...CONFIG_ERRORS,
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
    remedy:
      "Use a port above 1023, or let systemd open it: holdfast.socket, in docs/linux-service.md",
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
  SENDER_TLS_MATERIAL: {
    disposition: "halt",
    exit: EXIT.configuration,
    summary: "The server CA, TLS certificate or key of a delivering channel cannot be used",
    remedy: "Check the files under tls of the channel: PEM, key of the certificate, mode 0600",
  },
  SIEM_TLS_MATERIAL: {
    disposition: "retry",
    exit: EXIT.configuration,
    summary: "The CA, client certificate or key under siem cannot be used",
    remedy: "Check the files under siem: PEM, key of the certificate, mode 0600; messages flow",
  },
  LOCAL_SOCKET_FAILED: {
    disposition: "halt",
    exit: EXIT.cannotCreate,
    summary: "The local socket in the state directory cannot be opened",
    remedy:
      "Use a stateDir whose path is shorter than 90 characters, on a file system with sockets",
  },
  ...FOLDER_ERRORS,
  ...TUNNEL_ERRORS,
  ...WINDOWS_ERRORS,
  MESSAGE_REFUSED: {
    disposition: "halt",
    exit: EXIT.unavailable,
    summary:
      "The receiver refused a message for good (rejectCode 2: larger than its messageLimitBytes)",
    remedy:
      "Raise messageLimitBytes at the receiver and restart both, or set onReceiverReject: quarantine here; the channel is held, nothing is lost",
  },
  CHANNEL_UNKNOWN: {
    disposition: "retry",
    exit: EXIT.badData,
    summary: "There is no channel of this name",
    remedy: "List the channels with: holdfast channel list",
  },
  CHANNEL_SHARE_SMALL: {
    disposition: "retry",
    exit: EXIT.configuration,
    summary: "A channel holds more for the receiver than its share of the disk budget would be",
    remedy:
      "Wait until it has left, see that the receiver is reached, or raise diskBudgetBytes: its senders would not be read from",
  },
  CHANNELS_TOO_MANY: {
    disposition: "retry",
    exit: EXIT.configuration,
    summary:
      "The store would have more channels than an agent may have, those that were removed included",
    remedy: "Use the name of a channel that was removed again, or a second agent",
  },
  CHANNEL_PARTED: {
    disposition: "retry",
    exit: EXIT.defect,
    summary: "The receiver holds other messages under this channel's numbers (a restored store?)",
    remedy:
      "What is unsettled is sent again under new numbers, nothing is lost here; find out who restored what",
  },
  ...ADD_ON_ERRORS,
  ...RELEASE_ERRORS,
  ...STORE_ERRORS,
  ...SERVICE_ERRORS,
  ...SUPPORT_ERRORS,
} as const satisfies Record<string, CatalogueRow>;
