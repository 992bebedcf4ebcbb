/**
 * What can go wrong with who this agent is: its files, enrolment, renewal. Rows of the catalogue.
 *
 * @module
 */
import { type CatalogueRow, EXIT } from "./exit-codes.ts";

const HALTS = { disposition: "halt", exit: EXIT.configuration } as const;
/** A command that a person repeats once it is mended; the running agent tries again by itself. */
const AGAIN = { disposition: "retry", exit: EXIT.unavailable } as const;
const BAD_FILE = { disposition: "halt", exit: EXIT.badData } as const;

export const IDENTITY_ERRORS = {
  IDENTITY_UNREADABLE: {
    ...HALTS,
    summary: "The agent's certificate, its key or the receiver's CA cannot be read",
    remedy:
      "Check the paths under identity in the configuration, or --receiver-ca of the command, and the rights of the files",
  },
  IDENTITY_MISMATCH: {
    ...HALTS,
    summary: "The agent's private key does not belong to its certificate",
    remedy: "Put the key and the certificate of the same enrolment beside each other",
  },
  IDENTITY_EXPOSED: {
    ...HALTS,
    summary: "The agent's private key can be read by other accounts",
    remedy: "Restrict it to the service account: chmod 600 FILE",
  },
  IDENTITY_MISSING: {
    ...HALTS,
    summary: "This machine is not enrolled: it has no certificate",
    remedy: "Ask the vendor for an enrolment token, then: holdfast enroll --token-file FILE",
  },
  IDENTITY_FOLDER_UNSAFE: {
    ...HALTS,
    summary:
      "A file of the identity folder, or the folder, is not private to the service account; the facts say which, and why",
    remedy:
      "link: put the file itself there. owner: run the command as the service account (sudo -u holdfast …), or chown to it. mode: chmod 700 for folders, 400 for *.key, 600 for the rest. Others may have read the key: consider enrolling anew",
  },
  IDENTITY_DAMAGED: {
    ...HALTS,
    summary: "A file of the identity folder is not as it was written, or not there",
    remedy:
      "Put a copy of the folder identity back, with the key-encryption key of its time (of slots.json alone, if that is the fact file and the slots are whole); or ask the vendor for a new enrolment token",
  },
  IDENTITY_NOT_WRITABLE: {
    ...AGAIN,
    exit: EXIT.cannotCreate,
    summary: "A new key or certificate cannot be written; the one in use goes on working",
    remedy: "sysCode says why: free space on the disk of stateDir, or give the rights back",
  },
  IDENTITY_IMPORTED: {
    ...HALTS,
    summary: "The configuration names an imported identity: an enrolled one would have no effect",
    remedy: "Take the block identity out of local.yaml first; the agent then uses what it enrols",
  },
  ANCHOR_ABSENT: {
    disposition: "halt",
    exit: EXIT.unavailable,
    summary: "This build has no vendor's trust keys in it, so that it can believe no receiver",
    remedy:
      "Use the vendor's released program; for a trial name keys with --anchor FILE. The token is as good as new",
  },
  ANCHOR_UNREADABLE: {
    ...BAD_FILE,
    summary: "The file of --anchor holds no anchor",
    remedy:
      'It is for trials alone: JSON with "keys", a list of raw Ed25519 public keys in hexadecimal, and "threshold"',
  },
  TOKEN_UNREADABLE: {
    ...BAD_FILE,
    summary: "The enrolment token cannot be read",
    remedy: "Name a file with --token-file FILE, or give it on standard input with --token-file -",
  },
  TOKEN_EXPOSED: {
    ...HALTS,
    exit: EXIT.notPermitted,
    summary: "The file with the enrolment token can be read by other accounts",
    remedy: "Restrict it: chmod 600 FILE; if somebody may have read it, ask for a new token",
  },
  TOKEN_MISTYPED: {
    ...BAD_FILE,
    summary: "The enrolment token is not as it was given out: a part is missing or was altered",
    remedy: "Copy it again, whole, from holdfast1 to the last eight digits; no try was spent",
  },
  TOKEN_MALFORMED: {
    ...BAD_FILE,
    summary: "The enrolment token cannot be understood by this version",
    remedy: "Upgrade the agent, or ask the vendor for a token for this version",
  },
  TOKEN_OTHER_HOST: {
    ...HALTS,
    summary: "The enrolment token is for another receiver than receiver.url names",
    remedy: "Compare receiver.url with what the vendor gave; correct it, or ask for another token",
  },
  ENROLL_REFUSED: {
    ...AGAIN,
    exit: EXIT.notPermitted,
    summary: "The receiver refused the enrolment; the code of the fact says why",
    remedy: "Ask the vendor for a new enrolment token",
  },
  ENROLL_GIVEN_UP: {
    ...AGAIN,
    summary: "The enrolment was stopped before the vendor had confirmed it",
    remedy: "Run the same command again with the same token: keys and code stay the same",
  },
  ENROLL_TRUST: {
    ...AGAIN,
    exit: EXIT.badData,
    summary:
      "What the receiver says about whose signatures count does not follow from the keys that this program was built with",
    remedy:
      "Do not go on: call the vendor at a number that you know, and report the code of the fact",
  },
  IDENTITY_ANSWER: {
    ...AGAIN,
    exit: EXIT.badData,
    summary:
      "The certificate that the receiver issued is not this agent's, or not as agreed; the fact flaw says what",
    remedy: "Nothing was changed: report it to the vendor",
  },
  RENEWAL_REFUSED: {
    ...AGAIN,
    exit: EXIT.notPermitted,
    summary: "The receiver refused to renew the certificate; the code of the fact says why",
    remedy: "See the code; the certificate in use goes on until its end",
  },
  RENEWAL_IMPOSSIBLE: {
    ...HALTS,
    summary: "This identity cannot be renewed by the agent: it was imported, not enrolled",
    remedy: "Import the next certificate before this one ends, or enrol with a token",
  },
  P12_UNREADABLE: {
    ...BAD_FILE,
    summary:
      "The PKCS#12 file cannot be read, or its password is another one; the fact part says which file",
    remedy:
      "With sysCode: check path and rights of that file. Without: check the file and the password, which stands alone on one line; if it has letters beyond ASCII, have the file exported with another one",
  },
  P12_PASSWORD_EXPOSED: {
    ...HALTS,
    exit: EXIT.notPermitted,
    summary: "The file with the password of the PKCS#12 file can be read by other accounts",
    remedy:
      "Restrict it: chmod 600 FILE; if somebody may have read both files, have another identity issued",
  },
  P12_UNFIT: {
    ...BAD_FILE,
    summary: "The PKCS#12 file holds no identity for this agent; the fact flaw says why",
    remedy:
      "Ask its issuer for a file with one EC key on P-256 and its certificate, issued for this agent",
  },
} as const satisfies Record<string, CatalogueRow>;
