/**
 * What may be asked from afar: a closed list, compiled in (08 4.4). No path, no address, no SQL, no pattern and no
 * script is among the arguments of any of them.
 *
 * @module
 */
import { z } from "zod";
import { PART_NAMES } from "./bundle-parts.ts";

/** 08 4.2. L3 is not here, nor anywhere. */
export type ConsentLevel = 0 | 1 | 2;

export interface OperationRule {
  readonly level: ConsentLevel;
  readonly args: z.ZodType;
  /** It changes something: a person at the machine has to say yes, too. */
  readonly needsApproval?: true;
}

const none = z.strictObject({});
/** A name that is looked up among those that exist, and never followed. */
const channel = z.string().regex(/^\$?[A-Za-z0-9_.:-]{1,64}$/);
/** Below 2^53: epochs and seqs of an agent that was not attacked. */
const whole = z.int().min(1);
const time = z.iso.datetime({ offset: false });
/** Of a host, as `config.show` lists them. */
const host = z.strictObject({ host: z.int().min(0).max(9_999) });
const EVENT_CODES_MAX_COUNT = 50;
const eventCode = z.string().regex(/^[a-z][A-Za-z0-9]{0,63}$/);

export const OPERATIONS = {
  "status.get": { level: 0, args: none },
  "outbox.stats": { level: 0, args: none },
  "clock.check": { level: 0, args: none },
  "disk.check": { level: 0, args: none },
  "listener.list": { level: 1, args: none },
  "config.show": { level: 1, args: none },
  "message.structure": { level: 1, args: z.strictObject({ channel, epoch: whole, seq: whole }) },
  "bundle.create": {
    level: 1,
    args: z.strictObject({ parts: z.array(z.enum(PART_NAMES)).min(1).optional() }),
  },
  "log.excerpt": {
    level: 2,
    args: z.strictObject({
      codes: z.array(eventCode).max(EVENT_CODES_MAX_COUNT).optional(),
      from: time.optional(),
      to: time.optional(),
    }),
  },
  "dns.probe": { level: 2, args: host },
  "tcp.probe": { level: 2, args: host },
  "tls.probe": { level: 2, args: host },
  "channel.hold": { level: 2, args: z.strictObject({ channel }), needsApproval: true },
  "channel.release": { level: 2, args: z.strictObject({ channel }), needsApproval: true },
} as const satisfies Record<string, OperationRule>;

export type OperationName = keyof typeof OPERATIONS;
export type ArgsOf<Name extends OperationName> = z.infer<(typeof OPERATIONS)[Name]["args"]>;

/** One of the list, with arguments that its schema has accepted. */
export type Operation = {
  [Name in OperationName]: {
    readonly name: Name;
    readonly level: ConsentLevel;
    readonly args: ArgsOf<Name>;
  };
}[OperationName];

export const needsApproval = (name: OperationName): boolean => {
  const rule: OperationRule = OPERATIONS[name];
  return rule.needsApproval === true;
};

/** VM4: an own property of the list, and its schema. @returns `undefined` if it is not allowed */
export function operationOf(op: string, args: unknown): Operation | undefined {
  // `constructor` and `__proto__` are no own properties.
  if (!Object.hasOwn(OPERATIONS, op)) return undefined;
  const name = op as OperationName;
  const rule: OperationRule = OPERATIONS[name];
  const parsed = rule.args.safeParse(args);
  if (!parsed.success) return undefined;
  // The schema of this very name has parsed it.
  return { name, level: rule.level, args: parsed.data } as Operation;
}
