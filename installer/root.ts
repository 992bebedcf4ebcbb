/** The folder of the project. @module */
import { join } from "node:path";

export const ROOT = join(import.meta.dirname, "..");
