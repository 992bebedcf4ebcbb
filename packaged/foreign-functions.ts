/** Functions of the operating system that Node does not have, through koffi: from its package, or from the executable's add-on. @module */
import { createRequire } from "node:module";
import type Koffi from "koffi";
import { addOn } from "./add-ons.ts";

/** @throws {AddOnError} in the executable */
export async function foreignFunctions(): Promise<typeof Koffi> {
  const packaged = addOn("koffi");
  // The add-on is what the package hands out.
  return packaged === undefined ? (await import("koffi")).default : (packaged as typeof Koffi);
}

/** The same at once. @throws {AddOnError} in the executable */
export function foreignFunctionsNow(): typeof Koffi {
  return (addOn("koffi") ?? createRequire(import.meta.url)("koffi")) as typeof Koffi;
}
