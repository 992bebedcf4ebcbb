/** What can go wrong when the service is installed, started, or given its files. Rows of the catalogue. @module */
import { type CatalogueRow, EXIT } from "./exit-codes.ts";

export const SERVICE_ERRORS = {
  NOT_ROOT: {
    disposition: "retry",
    exit: EXIT.notPermitted,
    summary: "Only root may do this",
    remedy: "Run the command again with sudo",
  },
  ACCOUNT_ABSENT: {
    disposition: "retry",
    exit: EXIT.usage,
    summary: "There is no account of the name after --account",
    remedy: "Install the service first, which makes the account holdfast, or name another account",
  },
  CREDENTIALS_UNSUPPORTED: {
    disposition: "retry",
    exit: EXIT.unavailable,
    summary: "This machine cannot keep the key as a credential of systemd: that needs systemd 250",
    remedy: "Use --custody file, and keep the disk encrypted",
  },
  DPAPI_UNSUPPORTED: {
    disposition: "halt",
    exit: EXIT.configuration,
    summary: "Windows alone wraps the key by DPAPI, and this is another system",
    remedy: "Use custody file or credential: --custody of init, kek.custody in local.yaml",
  },
  SOCKET_MISMATCH: {
    disposition: "halt",
    exit: EXIT.configuration,
    summary:
      "systemd holds the port of a channel for another address (facts address, port) than the channel's host",
    remedy:
      "Make them the same: host of the channel, ListenStream= of holdfast.socket (0.0.0.0 takes a socket without an address, too). Then: holdfast service stop, holdfast service start",
  },
  SOCKET_UNCLAIMED: {
    disposition: "halt",
    exit: EXIT.configuration,
    summary:
      "systemd passed a socket (facts address, port) on which no channel listens; a channel without one is named, if there is any (facts channel, expected)",
    remedy:
      "Give a channel this port, or take it out of holdfast.socket: systemctl edit holdfast.socket. Then: holdfast service stop, holdfast service start",
  },
  SOCKET_UNFIT: {
    disposition: "halt",
    exit: EXIT.configuration,
    summary: "What systemd passed is not a TCP socket that listens (fact index, from 0)",
    remedy:
      "holdfast.socket may hold ListenStream= lines with ports only, and Accept=no: systemctl cat holdfast.socket",
  },
  SERVICE_NO_SYSTEMD: {
    disposition: "retry",
    exit: EXIT.unavailable,
    summary: "systemd does not run on this machine, or a tool of it is absent (fact command)",
    remedy:
      "Have what starts programs here run: holdfast run --config FILE, as an account of its own",
  },
  SERVICE_TOOL_FAILED: {
    disposition: "retry",
    exit: EXIT.unavailable,
    summary: "A tool of systemd failed (facts command, code); what it said stands above",
    remedy: "Mend what it names, and give the command again: it goes on where it stopped",
  },
  SERVICE_NOT_INSTALLED: {
    disposition: "retry",
    exit: EXIT.unavailable,
    summary: "The service is not installed on this machine",
    remedy: "Install the package; from the archive: holdfast service install, as root",
  },
  SERVICE_NOT_STARTED: {
    disposition: "retry",
    exit: EXIT.unavailable,
    summary: "The service did not start, or did not stay (facts result, code)",
    remedy: "It says why in its journal: journalctl -u holdfast -n 50",
  },
  SERVICE_NOT_CONFIGURED: {
    disposition: "retry",
    exit: EXIT.configuration,
    summary: "There is no /etc/holdfast/local.yaml, without which the service does not start",
    remedy: "Write it with: holdfast init, as root",
  },
  SERVICE_FROM_SOURCE: {
    disposition: "retry",
    exit: EXIT.usage,
    summary: "Only the executable installs a service; this is the program run from its source",
    remedy: "Build it with npm run build, and use the executable",
  },
  SERVICE_OF_A_PACKAGE: {
    disposition: "retry",
    exit: EXIT.usage,
    summary: "The service on this machine was installed by a package of the system (fact kind)",
    remedy: "Install, upgrade and remove it with the system's package manager",
  },
} as const satisfies Record<string, CatalogueRow>;
