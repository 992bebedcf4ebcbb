/**
 * Hostile peers in a process of their own, so that they cost the measured ones no more than the machine.
 *
 *   hostile.ts PORT COUNT KIND…     a line when all are connected; until it is killed
 *
 * @module
 */
import { constants, setPriority } from "node:os";
import { CROWD_KINDS, HostileCrowd, type HostileKind, mixed } from "#test/support/hostile-peers.ts";

// In a hospital they have processors of their own: here they get what the measured ones leave.
setPriority(constants.priority.PRIORITY_LOW);
const KINDS: readonly HostileKind[] = ["idle", "endlessBlock", ...CROWD_KINDS];
const [port, count, ...names] = process.argv.slice(2);
const kinds = KINDS.filter((kind) => names.includes(kind));
await HostileCrowd.open(Number(port), mixed(Number(count), kinds));
console.log("connected");
