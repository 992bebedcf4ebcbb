/** Run under a lock by run-in-shares.ts: unpacks the packages, unless another has just done so. @module */
import { packagesReady, unpackPackages } from "./packages.ts";

if (!packagesReady()) unpackPackages();
