/**
 * Which of the agent's identities is in use, which comes next, which was before (07 1.2).
 *
 * ```
 *            begin              complete            promote              24 h
 *  nothing ────────► next: keys ────────► next: whole ────────► current ──────► prev erased
 *                        ▲                   │                  (what was current is prev)
 *                        └───── reopen ──────┘
 * ```
 *
 * `slots.json` is replaced as a whole, and names a slot only when every file of it is flushed. Whatever the moment
 * of a crash, it names at least one slot that works. One process writes it: the agent while it runs.
 *
 * @module
 */
import type { KeyObject } from "node:crypto";
import { z } from "zod";
import type { Chance } from "#agent/host/clock.ts";
import type { Kek } from "#agent/sealing/key-ring.ts";
import { damaged, IdentityFolder, identityFolder } from "./identity-folder.ts";
import { Slot, type SlotKeys } from "./slot.ts";

const SLOTS_FILE = "slots.json";
const CLAIM_FILE = "claim.json";
const SLOT_NAME = /^slot-[0-9a-f]{16}$/;

const slotName = z.string().regex(SLOT_NAME).nullable();
const slotsSchema = z.strictObject({
  format: z.literal("holdfast-slots/1"),
  current: slotName,
  next: slotName,
  prev: slotName,
  /** Wall time at which `prev` was replaced. */
  prevSinceMs: z.int().nullable(),
});
type Slots = z.infer<typeof slotsSchema>;
const NO_SLOTS: Slots = {
  format: "holdfast-slots/1",
  ...{ current: null, next: null, prev: null, prevSinceMs: null },
};

const claimSchema = z.strictObject({
  format: z.literal("holdfast-claim/1"),
  tokenId: z.string().regex(/^[0-9a-f]{32}$/),
  slot: z.string().regex(SLOT_NAME),
});

export interface IdentityStoreOptions {
  readonly stateDir: string;
  /** Read anew for each secret. */
  readonly kek: () => Kek;
  readonly chance: Pick<Chance, "bytes">;
}

export class IdentityStore {
  readonly #folder: IdentityFolder;
  readonly #chance: Pick<Chance, "bytes">;

  /** Reads nothing yet. @throws {AgentError} `IDENTITY_FOLDER_UNSAFE` */
  constructor({ stateDir, kek, chance }: IdentityStoreOptions) {
    this.#folder = new IdentityFolder(identityFolder(stateDir), kek);
    this.#chance = chance;
  }

  get current(): Slot | undefined {
    return this.#slotOf(this.#read().current);
  }

  get next(): Slot | undefined {
    return this.#slotOf(this.#read().next);
  }

  get prev(): Slot | undefined {
    return this.#slotOf(this.#read().prev);
  }

  /** One that was read before. */
  named(name: string): Slot {
    return new Slot(this.#folder, name);
  }

  /** When `prev` ceased to be current, wall time; undefined if there is none. */
  get prevSinceMs(): number | undefined {
    return this.#read().prevSinceMs ?? undefined;
  }

  /**
   * N1: the slot in which the next identity grows, with its keys. After a crash the one that was begun is gone on
   * with, and its keys are the same.
   *
   * @param device goes on unchanged
   * @throws {AgentError} `IDENTITY_NOT_WRITABLE`; what is current is not touched
   */
  begin(device: KeyObject): { readonly slot: Slot; readonly keys: SlotKeys } {
    const slots = this.#read();
    const begun = this.#slotOf(slots.next);
    if (begun !== undefined) return { slot: begun, keys: begun.ensureKeys(device) };
    const slot = this.#newSlot();
    const keys = slot.ensureKeys(device);
    this.#write({ ...slots, next: slot.name });
    return { slot, keys };
  }

  /** EN4: the same for an enrolment. It is named by the claim; what `slots.json` names is left alone. */
  beginEnrolment(tokenId: string): { readonly slot: Slot; readonly keys: SlotKeys } {
    const claim = this.#claim();
    if (claim?.tokenId === tokenId) {
      const slot = new Slot(this.#folder, claim.slot);
      return { slot, keys: slot.ensureKeys() };
    }
    const slot = this.#newSlot();
    const keys = slot.ensureKeys();
    this.#writeClaim(tokenId, slot);
    return { slot, keys };
  }

  /** A slot for an identity that was made elsewhere: claimed like an enrolment, though there is no token. */
  beginImport(tls: KeyObject): Slot {
    const slot = this.#newSlot();
    slot.importKey(tls);
    this.#writeClaim(Buffer.from(this.#chance.bytes(16)).toString("hex"), slot);
    return slot;
  }

  /**
   * EN9: what was enrolled, or imported, is what comes next. A renewal under way is given up.
   *
   * @returns undefined if there is nothing, or it is not complete
   */
  adopt(): Slot | undefined {
    const slot = this.enrolled;
    if (slot === undefined) return undefined;
    const slots = this.#read();
    if (slots.next !== slot.name && slots.current !== slot.name) {
      this.#write({ ...slots, next: slot.name });
      if (slots.next !== null) this.#folder.remove(slots.next);
    }
    return slot;
  }

  /** The enrolment under way, complete: its slot waits to be adopted. */
  get enrolled(): Slot | undefined {
    const claim = this.#claim();
    if (claim === undefined) return undefined;
    const slot = new Slot(this.#folder, claim.slot);
    return slot.isComplete ? slot : undefined;
  }

  /**
   * Whether `slots.json` is gone, with whole slots beside it that no claim names: an identity is there, and what says
   * which. That is damage, and not a machine that was never enrolled.
   */
  get isListLost(): boolean {
    if (this.#folder.read(SLOTS_FILE) !== undefined) return false;
    const claimed = this.#claim()?.slot;
    const slots = this.#folder.names().filter((name) => SLOT_NAME.test(name) && name !== claimed);
    return slots.some((name) => new Slot(this.#folder, name).isComplete);
  }

  /** EN9: nothing is left of the token. */
  eraseClaim(): void {
    this.#folder.remove(CLAIM_FILE);
  }

  /**
   * N6, EN9: `prev` := `current`, `current` := `next`, in one step on the disk.
   *
   * @param slot what was welcomed; if it is not `next` (any more) nothing happens
   * @returns whether it is current now
   */
  promote(slot: string, nowMs: number): boolean {
    const slots = this.#read();
    if (slots.current === slot) return true;
    if (slots.next !== slot) return false;
    const prevSinceMs = slots.current === null ? null : nowMs;
    this.#write({ ...slots, current: slot, next: null, prev: slots.current, prevSinceMs });
    if (slots.prev !== null) this.#folder.remove(slots.prev);
    if (this.#claim()?.slot === slot) this.eraseClaim();
    return true;
  }

  /** N7: a day later. */
  erasePrev(): void {
    const slots = this.#read();
    if (slots.prev === null) return;
    this.#write({ ...slots, prev: null, prevSinceMs: null });
    this.#folder.remove(slots.prev);
  }

  /** Removes what a crash left: slots that nothing names, temporary files. For the one that writes. */
  sweep(): void {
    // What the list named, nobody knows: it is a person's.
    if (this.isListLost) return;
    const claimed = this.#claim()?.slot;
    for (const name of this.#folder.names()) {
      const isLeft = SLOT_NAME.test(name) && name !== claimed && !this.#isNamed(name);
      if (isLeft || name.endsWith(".json.new")) this.#folder.remove(name);
    }
  }

  /** The claim before it is forgotten, and with it its slot. */
  #writeClaim(tokenId: string, { name }: Slot): void {
    const before = this.#claim();
    const said = { format: "holdfast-claim/1", tokenId, slot: name };
    this.#folder.write(CLAIM_FILE, `${JSON.stringify(said)}\n`);
    if (before !== undefined && !this.#isNamed(before.slot)) this.#folder.remove(before.slot);
  }

  #isNamed(name: string): boolean {
    const { current, next, prev } = this.#read();
    return name === current || name === next || name === prev;
  }

  #newSlot(): Slot {
    const digits = Buffer.from(this.#chance.bytes(8)).toString("hex");
    return new Slot(this.#folder, `slot-${digits}`);
  }

  #slotOf(name: string | null): Slot | undefined {
    return name === null ? undefined : new Slot(this.#folder, name);
  }

  #read(): Slots {
    return this.#readJson(SLOTS_FILE, slotsSchema) ?? NO_SLOTS;
  }

  #write(slots: Slots): void {
    this.#folder.write(SLOTS_FILE, `${JSON.stringify(slots, null, 2)}\n`);
  }

  #claim(): z.infer<typeof claimSchema> | undefined {
    return this.#readJson(CLAIM_FILE, claimSchema);
  }

  #readJson<T>(file: string, schema: z.ZodType<T>): T | undefined {
    const text = this.#folder.read(file);
    if (text === undefined) return undefined;
    const read = schema.safeParse(parsed(text));
    if (!read.success) throw damaged(file);
    return read.data;
  }
}

function parsed(text: Buffer): unknown {
  try {
    return JSON.parse(text.toString("utf8"));
  } catch {
    return undefined;
  }
}
