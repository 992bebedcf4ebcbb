/** Where what belongs to the updater lies (09 2.1). @module */
import { dirname, join } from "node:path";
import { PROGRAM, UNITS } from "../service/linux/unit-places.ts";

export const UPDATER = "holdfast-updater.service";
export const UPDATER_TIMER = "holdfast-updater.timer";

/** Its own copy of the program: what is installed may be what does not start. */
export const OWN_PROGRAM = "/opt/holdfast/updater/holdfast";
/** The files of the program that was replaced: on the file system of those that replace them. */
export const SAVED_FILES = join(dirname(OWN_PROGRAM), "before");
/** Files of a package that decide how the service starts; the program and its native code beside them. */
export const SAVED_UNITS: readonly string[] = ["holdfast.service", "holdfast.socket"].map(
  (name) => `${UNITS}/${name}`,
);
export const SAVED_PROGRAM = PROGRAM;

export const UPDATER_FOLDER = "/var/lib/holdfast-updater";
/** Below the updater's folder. */
export interface UpdaterPlaces {
  /** What it is in the middle of; anybody may read it. */
  readonly journal: string;
  readonly marks: string;
  /** Packages that were verified, by digest; nobody but root writes there (W13). */
  readonly packages: string;
  /** Where packages are put for it, with their metadata. Nothing there is believed. */
  readonly staged: string;
  /** What `stage` found there, for people. */
  readonly offer: string;
}

export const placesIn = (folder: string): UpdaterPlaces => ({
  journal: join(folder, "journal.json"),
  marks: join(folder, "marks.json"),
  packages: join(folder, "packages"),
  staged: join(folder, "staged"),
  offer: join(folder, "offer.json"),
});
