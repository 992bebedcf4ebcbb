/** The job that the service puts itself into, and what Windows is asked to forbid it (09 SV18). @module */
import { type Identifier, identifierFrom } from "../../errors.ts";
import { type Handle, openNative } from "./native.ts";

/** Of winnt.h: JOBOBJECT_EXTENDED_LIMIT_INFORMATION. */
const EXTENDED_LIMITS = 9;
const LIMITS_BYTES = 144;
const FLAGS_AT = 16;
const PROCESSES_AT = 40;
const JOB_MEMORY_AT = 120;
/** Of active processes, of the job's memory, and that all ends with it. */
const LIMIT_FLAGS = 0x8 | 0x200 | 0x2000;
const MEMORY_BYTES = 1_073_741_824n;

/** PROCESS_MITIGATION_POLICY, and flags. Code is compiled at run time, which is not forbidden. */
const EXTENSION_POINTS = { policy: 6, flags: 1 };
/** No images of other machines or of low integrity; System32 first. */
const IMAGE_LOADS = { policy: 10, flags: 7 };

/** @param processes so many at most @returns JOBOBJECT_EXTENDED_LIMIT_INFORMATION */
export function jobLimits(processes: number): Buffer {
  const limits = Buffer.alloc(LIMITS_BYTES);
  limits.writeUInt32LE(LIMIT_FLAGS, FLAGS_AT);
  limits.writeUInt32LE(processes, PROCESSES_AT);
  limits.writeBigUInt64LE(MEMORY_BYTES, JOB_MEMORY_AT);
  return limits;
}

/**
 * @param processes so many at most, this one included
 * @returns what this Windows did not do: the service runs nevertheless
 * @throws {AddOnError} in the executable
 */
export async function hardenProcess(processes: number): Promise<readonly Identifier[]> {
  const { bind } = await openNative();
  const self = bind("kernel32", "intptr_t GetCurrentProcess()")();
  const job = bind("kernel32", "void *CreateJobObjectW(void *security, void *name)")(
    null,
    null,
  ) as Handle;
  const limits = jobLimits(processes);
  const setLimits = bind(
    "kernel32",
    "int SetInformationJobObject(void *job, int what, void *limits, uint32_t bytes)",
  );
  const assign = bind("kernel32", "int AssignProcessToJobObject(void *job, intptr_t process)");
  const mitigate = bind(
    "kernel32",
    "int SetProcessMitigationPolicy(int policy, const uint32_t *flags, size_t bytes)",
  );
  const steps: readonly (readonly [string, () => unknown])[] = [
    ["jobLimits", () => setLimits(job, EXTENDED_LIMITS, limits, limits.length)],
    ["job", () => assign(job, self)],
    ...[EXTENSION_POINTS, IMAGE_LOADS].map(({ policy, flags }) => {
      return [`policy${policy}`, () => mitigate(policy, new Uint32Array([flags]), 4)] as const;
    }),
  ];
  return steps.filter(([, act]) => act() === 0).map(([name]) => identifierFrom(name));
}
