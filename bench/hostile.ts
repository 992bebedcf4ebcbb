/**
 * Hostile peers in a process of their own, so that they cost the measured ones no more than the machine.
 *
 *   hostile.ts PORT COUNT KIND…     a line when all are connected; until it is killed
 *
 * @module
 */
import { CROWD_KINDS, HostileCrowd, type HostileKind, mixed } from "#test/support/hostile-peers.ts";

const KINDS: readonly HostileKind[] = ["idle", "endlessBlock", ...CROWD_KINDS];
const [port, count, ...names] = process.argv.slice(2);
const kinds = KINDS.filter((kind) => names.includes(kind));
await HostileCrowd.open(Number(port), mixed(Number(count), kinds));
console.log("connected");
