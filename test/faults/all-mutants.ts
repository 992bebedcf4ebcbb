/** Every planted defect. @module */
import { DOWNSTREAM_MUTANTS } from "./downstream-mutants.ts";
import { DROP_MUTANTS } from "./drop-mutants.ts";
import { FILE_STORE_MUTANTS } from "./file-store-mutants.ts";
import { MUTANTS, type Mutant } from "./mutants.ts";
import { OUTLET_MUTANTS } from "./outlet-mutants.ts";
import { RUNNING_MUTANTS } from "./running-mutants.ts";
import { SIMULATION_MUTANTS } from "./simulation-mutants.ts";
import { STORE_MUTANTS } from "./store-mutants.ts";
import { TUNNEL_MUTANTS } from "./tunnel-mutants.ts";

export const ALL_MUTANTS: readonly Mutant[] = [
  ...MUTANTS,
  ...STORE_MUTANTS,
  ...FILE_STORE_MUTANTS,
  ...DROP_MUTANTS,
  ...TUNNEL_MUTANTS,
  ...DOWNSTREAM_MUTANTS,
  ...OUTLET_MUTANTS,
  ...RUNNING_MUTANTS,
  ...SIMULATION_MUTANTS,
];
