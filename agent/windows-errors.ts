/** What can go wrong with the service on Windows (09 section 4). Rows of the catalogue. @module */
import { type CatalogueRow, EXIT } from "./exit-codes.ts";

export const WINDOWS_ERRORS = {
  ACCESS_LIST_UNFIT: {
    disposition: "halt",
    exit: EXIT.configuration,
    summary:
      "An account that has no business with it owns, may change, or may read the program, local.yaml or the state folder (facts what, flaw)",
    remedy:
      "Find out who changed its access list; then, as an administrator: holdfast service install",
  },
  FOLDER_UNFIT: {
    disposition: "halt",
    exit: EXIT.configuration,
    summary:
      "The folder Holdfast in ProgramData was there already, and a link leads to it or another account owns it (fact flaw): it could be exchanged",
    remedy:
      "Find out who made it and what is in it; remove it, or give it to the group Administrators, then install again",
  },
  SERVICE_ENDED: {
    disposition: "retry",
    exit: EXIT.unavailable,
    summary: "The service has ended while it started (fact code: with what)",
    remedy:
      "See its entry in the Event Log (Application, source Holdfast): it says what to do; then: holdfast service start",
  },
  SERVICE_NOT_INSTALLED: {
    disposition: "halt",
    exit: EXIT.unavailable,
    summary: "No service of this name is registered on this machine",
    remedy: "As an administrator: holdfast service install",
  },
  SERVICE_SLOW: {
    disposition: "retry",
    exit: EXIT.tryAgain,
    summary: "The service has not done within 60 s what it was asked to (fact state)",
    remedy:
      "Nothing was changed. See holdfast service status and the Event Log; try again when it is as it should be",
  },
  SERVICE_STARTED_BY_HAND: {
    disposition: "halt",
    exit: EXIT.usage,
    summary: "run --service is for Windows's service manager alone",
    remedy:
      "To start the service: holdfast service start. To run the agent in this window: holdfast run",
  },
  WINDOWS_CALL_FAILED: {
    disposition: "retry",
    exit: EXIT.unavailable,
    summary: "Windows has refused a step (facts step, and sysCode: its error's number)",
    remedy: "net helpmsg NUMBER says what the number means; correct that, and try again",
  },
  WINDOWS_NOT_PERMITTED: {
    disposition: "halt",
    exit: EXIT.notPermitted,
    summary: "This account may not do that (fact step)",
    remedy: "Open the window of commands with Run as administrator, and try again",
  },
} as const satisfies Record<string, CatalogueRow>;
