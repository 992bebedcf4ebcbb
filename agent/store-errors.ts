/** What can go wrong with the store: rows of the catalogue. @module */
import { type CatalogueRow, EXIT } from "./exit-codes.ts";

export const STORE_ERRORS = {
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
    remedy:
      "Restore the last backup: holdfast backup restore FOLDER --replace moves this store aside; keep it for the vendor",
  },
  STORE_IO: {
    disposition: "halt",
    exit: EXIT.defect,
    summary: "The operating system reported an input/output error on the store",
    remedy: "Look for disk errors in the system log; unacknowledged messages are sent again",
  },
  STORE_EXISTS: {
    disposition: "retry",
    exit: EXIT.cannotCreate,
    summary: "There is a store in this state directory already",
    remedy: "With --replace it is moved aside, not deleted, and the backup takes its place",
  },
  STORE_FULL: {
    disposition: "retry",
    exit: EXIT.unavailable,
    summary: "The store cannot grow: the disk is full, or its budget is used up (fact budget)",
    remedy:
      "Free space on the volume of the state directory; for the budget, see that the receiver is reached, or raise diskBudgetBytes. Listeners reopen by themselves",
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
  STORE_READ_ONLY: {
    disposition: "halt",
    exit: EXIT.notPermitted,
    summary: "The state directory is on a file system that is mounted read-only",
    remedy:
      "If the system log says why (disk errors make Linux do it), mend the disk first; then remount it: mount -o remount,rw, or correct fstab; start the agent again",
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
    remedy:
      "The channel stops before it; check the disk. If the message is lost: holdfast channel skip NAME --seq N says what goes, and goes on without it",
  },
  CHANNEL_NOT_HELD: {
    disposition: "retry",
    exit: EXIT.badData,
    summary: "The channel does not wait for a decision",
    remedy: "See: holdfast status, which channels are held; one may be trying again already",
  },
  CHANNEL_NOT_STOPPED: {
    disposition: "retry",
    exit: EXIT.badData,
    summary: "The channel does not stop before that message because of damage",
    remedy:
      "See: holdfast status, condition messageDamaged; a channel is known to stop once the receiver has what comes before",
  },
  MESSAGE_READABLE: {
    disposition: "retry",
    exit: EXIT.badData,
    summary: "A message can be read, and is not given up; nothing was changed",
    remedy: "Name only messages that cannot be read; if the first one can, its channel goes on now",
  },
  SKIP_TOO_MANY: {
    disposition: "retry",
    exit: EXIT.usage,
    summary: "Between one and a thousand messages can be given up at once",
    remedy: "Name fewer with --seq; what remains stops the channel again, and can be given up then",
  },
  AUDIT_UNWRITABLE: {
    disposition: "retry",
    exit: EXIT.unavailable,
    summary: "The audit cannot take an entry, so what it would stand for was not done",
    remedy: "Free disk space or repair the disk of the state directory; messages flow meanwhile",
  },
  TRUST_UNUSABLE: {
    disposition: "halt",
    exit: EXIT.configuration,
    summary:
      "Trust state is damaged or was put back, and trust/last-good cannot be run in its place; no listener was opened",
    remedy:
      "Put the state directory back from its newest backup, or enrol again: holdfast enroll. Keep what is there for the vendor",
  },
  SUPPORT_COPIES_FULL: {
    disposition: "retry",
    exit: EXIT.unavailable,
    summary:
      "The copies of what was told to support have no more room, so that nothing more is told",
    remedy: "They are kept for policy.support.sentCopyDays: lower it, or find who asks so much",
  },
  NONCE_SEEN: {
    disposition: "retry",
    exit: EXIT.badData,
    summary: "A command with this nonce came before",
    remedy: "Have the command signed anew; the same bytes are never carried out twice",
  },
  NONCES_FULL: {
    disposition: "retry",
    exit: EXIT.tryAgain,
    summary: "The nonces of too many commands are remembered (10,000)",
    remedy: "Wait a quarter of an hour; find out who signs so many commands",
  },
  WRITER_DIED: {
    disposition: "halt",
    exit: EXIT.defect,
    summary: "The store's writer ended unexpectedly; nothing acknowledged is lost",
    remedy: "The service manager restarts the agent; report it if it happens again",
  },
  BACKUP_NOT_FOUND: {
    disposition: "retry",
    exit: EXIT.badData,
    summary: "There is no finished backup at that place",
    remedy: "Check the path; a folder without manifest.json is no backup",
  },
  BACKUP_DAMAGED: {
    disposition: "retry",
    exit: EXIT.badData,
    summary: "The backup is not whole, or not what its manifest says",
    remedy: "Take another backup; nothing was changed",
  },
  BACKUP_FAILED: {
    disposition: "retry",
    exit: EXIT.cannotCreate,
    summary: "The backup could not be written; the store is not concerned",
    remedy: "The fact sysCode says why: rights or space at that place, for the service account",
  },
  BACKUP_MISPLACED: {
    disposition: "retry",
    exit: EXIT.usage,
    summary: "A backup inside the state folder would be lost with it",
    remedy: "Name a folder elsewhere, best on another disk",
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
  REKEY_RUNNING: {
    disposition: "retry",
    exit: EXIT.tryAgain,
    summary: "The key-encryption key is being replaced",
    remedy: "Wait until that is finished",
  },
  REPORT_FILE: {
    disposition: "halt",
    exit: EXIT.badData,
    summary: "The file after --compare is no report or export of one agent, or cannot be read",
    remedy:
      "Use what holdfast-receiver report --json or holdfast-receiver export printed; with several agents in it add --agent",
  },
  REPORT_TIME: {
    disposition: "halt",
    exit: EXIT.usage,
    summary: "--from or --to is no time",
    remedy: "Use a date, a time with its zone such as 2026-01-31T08:00:00Z, today or yesterday",
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
      "Put it back from its custody: this machine was in use. Without it stored messages cannot be read, and none is accepted; holdfast init makes no other",
  },
  KEK_NOT_MADE: {
    disposition: "halt",
    exit: EXIT.configuration,
    summary:
      "There is no key-encryption key where the configuration says, and nothing is sealed here yet",
    remedy:
      "On a new machine: holdfast init --key makes it (plain holdfast init, where there is no local.yaml either). If this machine was in use, its state directory is missing as well: put both back",
  },
  KEK_WRONG: {
    disposition: "halt",
    exit: EXIT.configuration,
    summary: "The key-encryption key is not the one that this store is sealed with",
    remedy: "Give the key that belongs to this state folder; a new one is never made in its place",
  },
  KEK_MALFORMED: {
    disposition: "halt",
    exit: EXIT.configuration,
    summary:
      "What should be the key-encryption key is none: 64 hexadecimal digits and a line end, or 32 bytes, are expected (fact bytes)",
    remedy:
      "Put the key of this state folder back. Only for a new state folder, make one: (umask 377; openssl rand -hex 32 > FILE)",
  },
  KEK_NOT_WRAPPED: {
    disposition: "halt",
    exit: EXIT.configuration,
    summary: "kek.custody is dpapi, and the key-encryption key lies in its file in clear",
    remedy:
      "As an administrator: holdfast init --key, which wraps it for this machine; then, once the agent runs, holdfast rekey: the old one was on the disk in clear",
  },
  KEK_NOT_UNWRAPPED: {
    disposition: "halt",
    exit: EXIT.configuration,
    summary:
      "Windows does not unwrap the key-encryption key: it was wrapped on another machine or before Windows was installed anew, or its file was changed (fact sysCode)",
    remedy:
      "Put back the file as it was on this machine. On another one put the copy that was kept offline, 64 digits, in its place; then, as an administrator: holdfast init --key",
  },
  KEK_EXPOSED: {
    disposition: "halt",
    exit: EXIT.configuration,
    summary: "The key-encryption key is not private, or lies in the state folder",
    remedy:
      "Give it mode 0400 in a folder of mode 0700 of the service account, outside of stateDir",
  },
  KEK_CREDENTIAL: {
    disposition: "retry",
    exit: EXIT.configuration,
    summary: "The key-encryption key is a credential, which only the service manager can replace",
    remedy:
      "Give the new key as the credential kek and the old one as kek-previous, restart, run this again; then remove kek-previous",
  },
  KEK_NOT_REPLACED: {
    disposition: "retry",
    exit: EXIT.notPermitted,
    summary: "The key-encryption key could not be replaced; both keys are kept, and all opens",
    remedy:
      "The agent needs to write in the folder of the file under kek (owner, mode 0700); then run this again",
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
  STORE_RUNNING: {
    disposition: "retry",
    exit: EXIT.tryAgain,
    summary: "An agent runs on this state directory",
    remedy: "Stop it first",
  },
} as const satisfies Record<string, CatalogueRow>;
