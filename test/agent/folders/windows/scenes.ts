/** What folders do on Windows: run there, or under wine, by `windows.test.ts`. @module */
import type { Scenes } from "#test/support/scenes.ts";
import { FILES_SCENES } from "./files-scenes.ts";
import { HELD_SCENES } from "./held-scenes.ts";
import { NAMES_SCENES } from "./names-scenes.ts";
import { OUTLET_SCENES } from "./outlet-scenes.ts";
import { PLACES_SCENES } from "./places-scenes.ts";
import { WAY_SCENES } from "./way-scenes.ts";

export const SCENES: Scenes = {
  ...WAY_SCENES,
  ...HELD_SCENES,
  ...NAMES_SCENES,
  ...FILES_SCENES,
  ...PLACES_SCENES,
  ...OUTLET_SCENES,
};
