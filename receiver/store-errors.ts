/** The rows of the catalogue (`errors.ts`) about where messages are kept. @module */
import { EXIT } from "./exit-codes.ts";

export const STORE_ERRORS = {
  STORE_CORRUPT: {
    exit: EXIT.badData,
    summary: "The store is damaged, or the file is not a store",
    remedy: "Stop, keep the file as it is, and restore receiver.db from a backup",
  },
  STORE_DATABASE: {
    exit: EXIT.defect,
    summary: "The database answered with an error that is not expected",
    remedy: "Restart the receiver and report this with its log and the log of PostgreSQL",
  },
  STORE_FILE: {
    exit: EXIT.configuration,
    summary: "A file of the store's configuration cannot be read",
    remedy: "Check store.passwordFile and the files under store.tls, and who may read them",
  },
  STORE_FULL: {
    exit: EXIT.tryAgain,
    summary: "The store could not be written now: its volume is full, or its database is away",
    remedy: "Free space on the volume of the store, or look at PostgreSQL, then run it again",
  },
  STORE_IO: {
    exit: EXIT.unavailable,
    summary: "The store could not be read or written",
    remedy: "Check the volume that holds stateDir; agents keep and resend what is not acknowledged",
  },
  STORE_LOCKED: {
    exit: EXIT.tryAgain,
    summary: "Another process holds the store, and it does not answer on control.sock",
    remedy: "Wait until the receiver has started or stopped, or end the process that holds it",
  },
  STORE_NOT_DURABLE: {
    exit: EXIT.defect,
    summary: "The store does not flush its commits, so no message may be acknowledged",
    remedy: "Report this: the database library ignored synchronous=FULL",
  },
  STORE_REFUSED: {
    exit: EXIT.configuration,
    summary: "The database does not let the receiver in, or not do what it has to do",
    remedy:
      "Check store.user, store.database and the password; docs/receiver-store.md has the rights",
  },
  STORE_SCHEMA_NEWER: {
    exit: EXIT.configuration,
    summary: "The store was written by a newer version of the receiver",
    remedy: "Install that version again, or restore the backup made before the upgrade",
  },
  STORE_SETTINGS: {
    exit: EXIT.configuration,
    summary: "The database is set so that an acknowledged message could be lost or not be stored",
    remedy: "Set the parameter that is named here as docs/receiver-store.md says",
  },
  STORE_UNREACHABLE: {
    exit: EXIT.unavailable,
    summary: "The database cannot be reached, or cannot do anything now",
    remedy: "Check PostgreSQL and the way to it; agents keep and resend what is not acknowledged",
  },
  STORE_WORKER_ENDED: {
    exit: EXIT.defect,
    summary: "The thread that writes the store ended",
    remedy: "Restart the receiver and report this with its log",
  },
} as const;
