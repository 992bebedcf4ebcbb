/**
 * `npm run soak:disk`: power cuts on real file systems (T-S02), each image mounted and judged. Needs root,
 * loop devices and FUSE. Exit 1 on any violation, 77 where not one of the file systems can be tried.
 *
 *   npm run soak:disk                                 200 images: ext4 and xfs, seeds 1, 2
 *   npm run soak:disk -- --images 5000 --fs ext4,xfs,ext4-writeback,btrfs --seeds 1,2,3
 *   npm run soak:disk -- --fs ext4 --workload pruning
 *
 * A file system that cannot be tried here is said, and left out. A seed that is printed with a violation
 * repeats it; the first bad image is kept in `build/soak`.
 *
 * @module
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { PlantedCopy } from "#test/faults/planted-copy.ts";
import { PRUNE_OFTEN } from "#test/faults/power-cut/often.ts";
import { cutDiskPower } from "#test/faults/power-cut/power-cut.ts";
import { WORKLOADS, type WorkloadKind } from "#test/faults/power-cut/workload-kinds.ts";
import { DISKS, type DiskName, diskRigMissing } from "#test/rigs/disk-recorder.ts";

const ROOT = join(import.meta.dirname, "..");
const EXIT_USAGE = 64;
const EXIT_CANNOT_RUN = 77;
const MODEL_COUNT = 5;
/** Of each of eight connections in each of three phases: what the smallest disk holds with room to spare. */
const MESSAGES = 8;

interface Plan {
  readonly images: number;
  readonly seeds: readonly number[];
  readonly disks: readonly DiskName[];
  readonly workload: WorkloadKind;
}

/** @returns images that violate an oracle */
async function soakDisks({ images, seeds, disks, workload }: Plan): Promise<number> {
  const points = Math.ceil(images / seeds.length / disks.length / MODEL_COUNT);
  using copy = new PlantedCopy(workload === "pruning" ? PRUNE_OFTEN : []);
  const { root } = copy;
  let total = 0;
  let bad = 0;
  for (const name of disks) {
    for (const seed of seeds) {
      const keep = join(ROOT, "build/soak", `${name}-${workload}-seed-${seed}`);
      const cut = { seed, messages: MESSAGES, points, workload, root, keep };
      const replayed = await cutDiskPower({ ...cut, disk: DISKS[name] });
      const result = `${replayed.images} images, ${replayed.bad} violated`;
      console.log(`seed ${seed}  ${name.padEnd(15)} ${workload.padEnd(7)} ${result}`);
      if (replayed.bad > 0) console.log(replayed.violations);
      total += replayed.images;
      bad += replayed.bad;
    }
  }
  console.log(`power cuts on ${disks.join(", ")}: ${total} images, ${bad} violated`);
  return bad;
}

function usage(problem: string): never {
  console.error(`soak:disk: ${problem}`);
  process.exit(EXIT_USAGE);
}

function whole(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  return usage(`${text} is no whole number above 0`);
}

function diskNamed(text: string): DiskName {
  const names = Object.keys(DISKS) as DiskName[];
  return names.find((name) => name === text) ?? usage(`--fs knows ${names.join(", ")}`);
}

const { values } = parseArgs({
  options: {
    images: { type: "string", default: "200" },
    fs: { type: "string", default: "ext4,xfs" },
    seeds: { type: "string", default: "1,2" },
    workload: { type: "string", default: "mixed" },
  },
});
const workload = WORKLOADS.find((kind) => kind === values.workload);
if (workload === undefined) usage(`--workload knows ${WORKLOADS.join(", ")}`);
const disks: DiskName[] = [];
for (const name of values.fs.split(",").map(diskNamed)) {
  const missing = diskRigMissing(name);
  if (missing === false) disks.push(name);
  else console.log(`not tested: ${missing}`);
}
if (disks.length === 0) process.exit(EXIT_CANNOT_RUN);
const bad = await soakDisks({
  images: whole(values.images),
  seeds: values.seeds.split(",").map(whole),
  ...{ disks, workload },
});
process.exitCode = bad === 0 ? 0 : 1;
