/** What can go wrong where support asks, and where people say what it may. Rows of the catalogue. @module */
import { type CatalogueRow, EXIT } from "./exit-codes.ts";

const NOT_NOW = { disposition: "retry", exit: EXIT.badData } as const;

export const SUPPORT_ERRORS = {
  SUPPORT_UNAVAILABLE: {
    ...NOT_NOW,
    summary: "This agent answers no questions of support: it was not enrolled",
    remedy: "Nothing is to be forbidden then; to allow it, enrol the agent: holdfast enroll",
  },
  SUPPORT_IS_OFF: {
    ...NOT_NOW,
    summary: "Support is switched off at this machine",
    remedy: "To allow it again: holdfast support on, and policy.support.enabled in local.yaml",
  },
  SUPPORT_SWITCH: {
    disposition: "retry",
    exit: EXIT.unavailable,
    summary:
      "The switch could not be written to the disk: off counts until the agent ends, on does not count",
    remedy: "Free space or check the rights of stateDir, and give the command again",
  },
  SUPPORT_WINDOW_TOO_LONG: {
    ...NOT_NOW,
    summary: "The window is longer than policy.support.windowMaxHours allows",
    remedy: "Open a shorter one (fact windowMaxHours)",
  },
  SUPPORT_COPY_UNKNOWN: {
    ...NOT_NOW,
    summary: "Nothing that left has this number, or its copy is gone",
    remedy: "See what there is: holdfast support list",
  },
  MESSAGE_NOT_HERE: {
    ...NOT_NOW,
    summary: "No message of this channel, epoch and seq is here any more, or it cannot be read",
    remedy: "Nothing is to be done here; see holdfast status for what is retained",
  },
  SUPPORT_KEY_UNUSABLE: {
    ...NOT_NOW,
    summary: "The trust document names no key to which a bundle could be sealed: nothing left",
    remedy: "Ask the vendor for a trust document with a usable supportKey",
  },
  BUNDLE_NOT_HELD: {
    ...NOT_NOW,
    summary: "No bundle of this number waits for its release",
    remedy: "See what waits: holdfast support list",
  },
  PROBE_HOST_UNKNOWN: {
    ...NOT_NOW,
    summary: "A probe was asked for of a host that neither configuration nor local.yaml names",
    remedy: "Nothing is to be done here; whoever asked takes an index of config.show",
  },
  PROBE_FORBIDDEN: {
    ...NOT_NOW,
    summary:
      "The name of a host leads to this machine, its own network segment, or a cloud's metadata: it was not probed",
    remedy: "If it really is there, write its address instead of the name; else look at the DNS",
  },
  PROBE_RATE: {
    ...NOT_NOW,
    summary: "Too many probes: one every 10 seconds, 20 in one window for support",
    remedy: "Nothing is to be done here; whoever asked waits",
  },
  QUESTION_TIMEOUT: {
    ...NOT_NOW,
    summary: "A question of support took longer than 30 seconds and was given up",
    remedy: "Nothing is to be done here; whoever asked asks for less",
  },
  QUESTION_INTERRUPTED: {
    ...NOT_NOW,
    summary: "The agent ended before a question of support was answered",
    remedy: "Nothing is to be done here; whoever asked asks again",
  },
  ANSWER_TOO_LARGE: {
    ...NOT_NOW,
    summary: "The answer to a question of support is larger than 10 MB, and was not sent",
    remedy: "Nothing is to be done here; whoever asked asks for less",
  },
} as const satisfies Record<string, CatalogueRow>;
