/** What `doctor` and `init` found of the machine, for a bundle: numbers, yes and no (08 5.1, section 8). @module */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";

export const INVENTORY_FILE = "inventory.json";
const VALUES_MAX_COUNT = 200;

const schema = z
  .record(z.string().regex(/^[a-z][A-Za-z0-9]{0,63}$/), z.union([z.number(), z.boolean()]))
  .refine((all) => Object.keys(all).length <= VALUES_MAX_COUNT);
export type Inventory = Readonly<Record<string, number | boolean>>;

/** @returns `undefined` if there is none, or it cannot be read: it is optional */
export function readInventory(stateDir: string): Inventory | undefined {
  try {
    const found = schema.safeParse(
      JSON.parse(readFileSync(join(stateDir, INVENTORY_FILE), "utf8")),
    );
    return found.success ? found.data : undefined;
  } catch {
    return undefined;
  }
}
