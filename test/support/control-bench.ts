/** The kernel of remote diagnostics over a real store and a real audit; clock and answers are in the hands of a test. @module */
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Audit } from "#agent/audit/audit.ts";
import { type AuditEntry, readEntry } from "#agent/audit/entry.ts";
import type { Answered } from "#agent/control/answer.ts";
import type { Operation } from "#agent/control/catalogue.ts";
import { Consent } from "#agent/control/consent.ts";
import { Control } from "#agent/control/control.ts";
import { Rate } from "#agent/control/rate.ts";
import type { MessagePlace, Reply } from "#agent/control/reply.ts";
import { SupportSwitch } from "#agent/control/support-switch.ts";
import { Conditions } from "#agent/health/conditions.ts";
import { type Policy, policy } from "#config/policy.ts";
import { formatTime } from "#documents/time.ts";
import type { CommandDocument } from "#documents/types/command.ts";
import { ManualClock } from "./clocks.ts";
import { until } from "./processes.ts";
import { command, KEYS, RECIPIENT, role, signed } from "./signed-documents.ts";
import { TestOutbox } from "./test-outbox.ts";

const MINUTE_MS = 60_000;

export type Run = (operation: Operation, signal: AbortSignal) => Promise<Answered>;
const ANSWER: Answered = { kind: "facts", answer: { well: true } };

export interface BenchOptions {
  readonly support?: Partial<Policy["support"]>;
  readonly run?: Run;
  readonly rate?: number;
  readonly sendLarge?: (bytes: Uint8Array) => Promise<MessagePlace>;
  readonly seal?: (plain: Uint8Array) => Uint8Array;
}

export class ControlBench implements AsyncDisposable {
  readonly clock = new ManualClock();
  readonly conditions = new Conditions();
  readonly logged: string[] = [];
  /** By id in hexadecimal, what was told, in order. */
  readonly told: { readonly id: string; readonly result: string; readonly said: string }[] = [];
  /** Numbers of bundles that wait. */
  readonly held: number[] = [];
  /** Operations that were run. */
  readonly ran: string[] = [];
  readonly stateDir = mkdtempSync(join(tmpdir(), "holdfast-control-"));
  readonly made: TestOutbox;
  readonly #options: BenchOptions;
  #opened:
    | { readonly audit: Audit; readonly consent: Consent; readonly control: Control }
    | undefined;

  private constructor(made: TestOutbox, options: BenchOptions) {
    this.made = made;
    this.#options = options;
  }

  static async open(options: BenchOptions = {}): Promise<ControlBench> {
    const bench = new ControlBench(await TestOutbox.open(), options);
    await bench.#begin();
    return bench;
  }

  get control(): Control {
    return this.#parts.control;
  }

  get audit(): Audit {
    return this.#parts.audit;
  }

  get consent(): Consent {
    return this.#parts.consent;
  }

  get #parts() {
    if (this.#opened === undefined) throw new TypeError("Cannot use a bench that is closed");
    return this.#opened;
  }

  async #begin(): Promise<void> {
    const { outbox } = this.made;
    const { clock, conditions } = this;
    const audit = await Audit.open({ trust: outbox.trust, clock, conditions });
    const support = { ...policy.parse({}).support, ...this.#options.support };
    const killSwitch = new SupportSwitch(this.stateDir);
    const consent = new Consent({ policy: support, clock, killSwitch });
    const { run = async () => ANSWER, rate } = this.#options;
    const control = new Control({
      recipient: RECIPIENT,
      role: () => role(KEYS.command, 1),
      time: () => ({ clockMs: clock.nowMs(), floorMs: 0 }),
      hasNonce: (nonce) => outbox.trust.hasNonce(nonce),
      ...{ consent, rate: new Rate(clock, rate), audit, copies: outbox.support, clock, conditions },
      run: (operation, signal) => {
        this.ran.push(operation.name);
        return run(operation, signal);
      },
      seal: this.#options.seal ?? ((plain) => plain),
      sendLarge: this.#options.sendLarge ?? (async () => ({ epoch: 1n, seq: 1n })),
      releaseMode: support.releaseMode,
      onHeld: (number) => this.held.push(number),
      onWaiting: () => {},
      reply: (id, reply) => this.told.push(toldOf(id, reply)),
      log: {
        write: (event) => void this.logged.push(event),
        fault: (event, error) => void this.logged.push(`${event} ${error.code}`),
      },
    });
    this.#opened = { audit, consent, control };
  }

  /** Without a word, as a crash does; then opens what is left. */
  async crash(): Promise<void> {
    await this.made.kill();
    await this.made.reopen();
    await this.#begin();
  }

  /** In time by the bench's clock. */
  question(change: Partial<CommandDocument> = {}): CommandDocument {
    const nowMs = this.clock.nowMs();
    return command({
      nonce: randomBytes(16).toString("hex"),
      issuedAt: formatTime(nowMs),
      expires: formatTime(nowMs + 10 * MINUTE_MS),
      ...change,
    });
  }

  signed(document: CommandDocument, keys: Parameters<typeof signed>[2] = KEYS.command): Uint8Array {
    return signed("command", document, keys);
  }

  /** @returns what is told, once it is */
  async ask(document: CommandDocument, envelope = this.signed(document)): Promise<string> {
    return await this.askAs(Buffer.from(document.nonce, "hex"), envelope);
  }

  async askAs(id: Uint8Array, envelope: Uint8Array): Promise<string> {
    const name = Buffer.from(id).toString("hex");
    const told = () => this.told.filter((one) => one.id === name);
    const before = told().length;
    await this.control.asked({ id, document: envelope });
    await until("it is told", () => told().length > before);
    const { result, said } = told().at(-1) ?? { result: "", said: "" };
    return `${result} ${said}`;
  }

  async entries(): Promise<AuditEntry[]> {
    const rows = await this.made.outbox.trust.auditPage(0, 500);
    return rows.flatMap(({ bytes }) => readEntry(bytes) ?? []);
  }

  async recorded(): Promise<string[]> {
    const entries = await this.entries();
    return entries.map(({ actor, action, decision }) => `${actor.kind} ${action} ${decision}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#opened?.control[Symbol.asyncDispose]();
    await this.#opened?.audit[Symbol.asyncDispose]();
    await this.made[Symbol.asyncDispose]();
    rmSync(this.stateDir, { recursive: true, force: true });
  }
}

function toldOf(id: Uint8Array, { result, answer }: Reply): ControlBench["told"][number] {
  const said = Buffer.from(answer).toString("utf8");
  return { id: Buffer.from(id).toString("hex"), result, said };
}
