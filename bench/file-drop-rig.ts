/** An agent with a drop folder beside its MLLP channel, for one measurement; without a receiver. @module */
import { execFileSync } from "node:child_process";
import { closeSync, opendirSync, openSync, statSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { askLocal } from "#agent/host/local-socket.ts";
import { adt } from "#test/support/messages.ts";
import { Rig } from "./rig.ts";

export const HL7_BYTES = 2_048;
/** Looking for one entry takes the machine some 20 µs. */
const POLL_MS = 5;
const MIB = 1024 ** 2;

interface DropStatus {
  readonly channels: readonly {
    readonly name: string;
    readonly lastSeq: number;
    readonly folder?: {
      readonly state: string;
      /** When it came into that state, as RFC 3339 with milliseconds. */
      readonly since: string;
      readonly files: number;
      readonly inWork: number;
      readonly toMove: number;
      readonly lastPollAt?: string;
    };
    readonly counters: Readonly<Record<string, number>>;
  }[];
}

/** Of the channel `files`. */
export type DropChannel = DropStatus["channels"][number];

export class DropRig implements AsyncDisposable {
  readonly rig: Rig;
  readonly drop: string;

  private constructor(rig: Rig) {
    this.rig = rig;
    this.drop = rig.pair.folder ?? "";
  }

  /**
   * @param folder emptied first
   * @param filesYaml keys of the channel, each line four spaces deep
   */
  static async make(folder: string, filesYaml: string): Promise<DropRig> {
    return new DropRig(await Rig.make(folder, 200, { files: true, filesYaml }));
  }

  /** Files of `HL7_BYTES`, each one message with a control id of its own, on the disk when it returns. */
  fill(count: number, prefix = "f"): void {
    for (let number = 0; number < count; number++) {
      writeFileSync(join(this.drop, `${prefix}${number}.hl7`), hl7(`${prefix}${number}`), "latin1");
    }
    this.#sync();
  }

  /** One file that begins and ends as a PDF does, with bytes between that nothing compresses. */
  pdf(name: string, bytes: number): void {
    const file = openSync(join(this.drop, name), "w");
    const noise = execFileSync("head", ["-c", String(MIB), "/dev/urandom"], { maxBuffer: 2 * MIB });
    writeSync(file, "%PDF-1.7\n");
    for (let at = 9; at < bytes - 6; )
      at += writeSync(file, noise, 0, Math.min(MIB, bytes - 6 - at));
    writeSync(file, "%%EOF\n");
    closeSync(file);
    this.#sync();
  }

  async channel(): Promise<DropChannel> {
    const reply = (await askLocal(this.rig.stateDir, { ask: "status" })) as {
      readonly answer: DropStatus;
    };
    const found = reply.answer.channels.find(({ name }) => name === "files");
    if (found === undefined) throw new Error("the agent has no drop folder");
    return found;
  }

  /** When the agent began to look at the folder, by wall clock, in ms. */
  async beganMs(): Promise<number> {
    for (;;) {
      const { folder } = await this.channel();
      if (folder?.state === "watching") return Date.parse(folder.since);
      await sleep(POLL_MS);
    }
  }

  /** Waits until nothing is in the folder nor in `work/`, and each row says so. @returns that moment, by wall clock */
  async movedMs(): Promise<number> {
    for (;;) {
      if (this.isQuiet) {
        const { folder } = await this.channel();
        const nowMs = Date.now();
        if (folder?.inWork === 0 && folder.toMove === 0) return nowMs;
      }
      await sleep(POLL_MS);
    }
  }

  /** Nothing is in the drop folder but what has a name that is ignored, nor in `work/`. */
  get isQuiet(): boolean {
    return isEmpty(this.drop) && isEmpty(join(this.rig.folder, "work"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.rig[Symbol.asyncDispose]();
  }

  /** What a sender has written long ago is on the disk: the agent's flushes must not pay for it. */
  #sync(): void {
    execFileSync("sync", ["-f", this.drop]);
  }
}

/** An ADT filled up with a note. */
export function hl7(controlId: string): string {
  const head = `${adt(controlId)}NTE|1||`;
  return `${head.padEnd(HL7_BYTES - 1, "x")}\r`;
}

function isEmpty(folder: string): boolean {
  if (statSync(folder, { throwIfNoEntry: false }) === undefined) return true;
  const opened = opendirSync(folder, { bufferSize: 4 });
  try {
    for (let entry = opened.readSync(); entry !== null; entry = opened.readSync()) {
      if (!entry.name.endsWith(".tmp")) return false;
    }
    return true;
  } finally {
    opened.closeSync();
  }
}
