/** What can go wrong with native code that the executable brings along (09 PK8, PK9). @module */
import { type CatalogueRow, EXIT } from "./exit-codes.ts";

export const ADD_ON_ERRORS = {
  ADD_ON_CHANGED: {
    disposition: "halt",
    exit: EXIT.configuration,
    summary:
      "A file of native code is not the one that this program was built with; it was not loaded",
    remedy:
      "Find out who changed it; install the package again. Where nobody installed it, delete the folder that the program made for itself (README, Install)",
  },
  ADD_ON_MISSING: {
    disposition: "halt",
    exit: EXIT.configuration,
    summary: "A file of native code that the package brings is not there, or cannot be read",
    remedy: "Install the package again; do not copy the program alone out of its folder",
  },
  ADD_ON_NO_FOLDER: {
    disposition: "halt",
    exit: EXIT.configuration,
    summary:
      "There is no folder that only this account can write to, for the native code to lie in",
    remedy:
      "Install the package; or set HOLDFAST_LIB_DIR to a folder of this account with mode 0700, without a symbolic link in its path",
  },
  ADD_ON_REFUSED: {
    disposition: "halt",
    exit: EXIT.configuration,
    summary: "The system does not load the native code that the program needs",
    remedy:
      "The file system may be mounted with noexec: install the package, or set HOLDFAST_LIB_DIR to a folder of this account on one that is not. Otherwise ask what protects this machine",
  },
} as const satisfies Record<string, CatalogueRow>;
