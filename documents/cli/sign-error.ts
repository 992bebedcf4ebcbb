/** What can go wrong in `holdfast-sign`, with what to do next. @module */
import { EXIT, type ExitCode } from "#agent/exit-codes.ts";

const CATALOGUE = {
  DOCUMENT_REFUSED: {
    exit: EXIT.badData,
    summary: "The document would be refused",
    remedy: "docs/signed-documents.md says what each code means",
  },
  DOCUMENT_UNFIT: {
    exit: EXIT.badData,
    summary: "The document cannot be made as it is described",
    remedy: "Correct the description or the options",
  },
  FILE_EXISTS: {
    exit: EXIT.cannotCreate,
    summary: "There is a file of that name already",
    remedy: "Choose another name, or remove the file: nothing is overwritten",
  },
  FILE_UNREADABLE: {
    exit: EXIT.badData,
    summary: "The file cannot be read as what it should be",
    remedy: "Check the path, and that it is the kind of file that the command expects",
  },
  FILE_UNWRITABLE: {
    exit: EXIT.cannotCreate,
    summary: "The file cannot be written",
    remedy: "Check the folder, its rights and the free space",
  },
  KEY_EXPOSED: {
    exit: EXIT.notPermitted,
    summary: "Other accounts can read the file",
    remedy: "Set its mode to 0600; make a new key if others may have seen it",
  },
  KEY_LOCKED: {
    exit: EXIT.notPermitted,
    summary: "The passphrase does not open the private key",
    remedy: "Try again",
  },
  OPTION_MISSING: {
    exit: EXIT.usage,
    summary: "An option is missing",
    remedy: "Say it; the command with --help lists what there is",
  },
  PASSPHRASE_MISSING: {
    exit: EXIT.usage,
    summary: "A passphrase is needed",
    remedy: "Run it in a terminal, or name a file of mode 0600 with --passphrase-file",
  },
  SIGNATURE_FOREIGN: {
    exit: EXIT.badData,
    summary: "The signature is not of that key over this document",
    remedy: "Sign the very file that `pae` wrote, with Ed25519 and no hash before it",
  },
  SIGNATURES_MISSING: {
    exit: EXIT.badData,
    summary: "Not enough of those who must sign have signed",
    remedy: "Let the others sign: holdfast-sign add FILE --key KEY",
  },
} as const satisfies Record<string, { exit: ExitCode; summary: string; remedy: string }>;
export type SignErrorCode = keyof typeof CATALOGUE;

export class SignError extends Error {
  override readonly name = "SignError";
  readonly code: SignErrorCode;

  /** @param about what exactly, for the person at the terminal; never part of a private key */
  constructor(code: SignErrorCode, about: string, options?: ErrorOptions) {
    super(`${CATALOGUE[code].summary}: ${about}`, options);
    this.code = code;
  }

  get exitCode(): ExitCode {
    return CATALOGUE[this.code].exit;
  }

  get remedy(): string {
    return CATALOGUE[this.code].remedy;
  }
}

/** The same, caused by another error. */
export function signError(code: SignErrorCode, about: string, cause: unknown): SignError {
  return new SignError(code, about, { cause });
}
