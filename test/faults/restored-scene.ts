/** An agent's store and a real receiver, of which older copies are put back. @module */
import assert from "node:assert/strict";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "#test/support/processes.ts";
import { RelayLine } from "#test/support/relay-line.ts";
import { TEST_KEK } from "#test/support/test-keys.ts";
import { appendTo, entryOf } from "#test/support/test-outbox.ts";
import { inspectStore } from "./stored-messages.ts";

/** A line, and copies of what lies at both of its ends. */
export class Scene implements AsyncDisposable {
  readonly line: RelayLine;
  readonly #copies = mkdtempSync(join(tmpdir(), "holdfast-copies-"));

  private constructor(line: RelayLine) {
    this.line = line;
  }

  static async open(): Promise<Scene> {
    return new Scene(await RelayLine.open());
  }

  async append(...bodies: readonly string[]): Promise<void> {
    for (const body of bodies) {
      const { kind } = await appendTo(this.line.store.outbox, entryOf({ controlId: body }));
      assert.equal(kind, "stored", `${body} is a message of its own`);
    }
  }

  /** Everything is settled. */
  async drained(): Promise<void> {
    await until(
      "nothing waits",
      async () => {
        const { channels } = await this.line.store.outbox.standing();
        const waits = channels.some(
          ({ waiting, filling }) => waiting.count > 0n || filling !== undefined,
        );
        return !waits && this.#isAtSink(channels[0]?.epoch ?? 0n);
      },
      20_000,
    );
  }

  /** Sends, waits until all is settled, and hangs up. */
  async deliver(...bodies: readonly string[]): Promise<void> {
    await this.append(...bodies);
    await this.connect();
    await this.drained();
    await this.line.closeTunnel();
  }

  /** Starts anew, with all that was stored before there was a connection. */
  async connect(): Promise<void> {
    this.line.openTunnel(await this.line.store.reopen());
  }

  /** Copies a part of the agent's state, closed. */
  async copyAgent(part: "outbox" | ""): Promise<void> {
    await this.line.store.close();
    this.#copy(join(this.line.store.stateDir, part), "agent");
    await this.line.store.reopen();
  }

  /** Puts it back. @param keepMark the mark stays as it is */
  async restoreAgent(part: "outbox" | "", keepMark: boolean): Promise<void> {
    await this.line.store.close();
    const mark = join(this.line.store.stateDir, "outbox/high-water");
    const kept = readFileSync(mark);
    this.#restore(join(this.line.store.stateDir, part), "agent");
    if (keepMark) writeFileSync(mark, kept);
    await this.line.store.reopen();
  }

  async copyReceiver(): Promise<void> {
    await this.line.stopReceiver();
    this.#copy(this.line.folder.stateDir, "receiver");
    await this.line.startReceiver();
  }

  async restoreReceiver(): Promise<void> {
    await this.line.stopReceiver();
    this.#restore(this.line.folder.stateDir, "receiver");
    await this.line.startReceiver();
  }

  /** `epoch kind first-last` of every gap record of the first channel. */
  async gaps(): Promise<string[]> {
    const rows = await this.line.folder.export();
    return rows
      .filter((row) => row["gap"] !== undefined && row["channel"] === "adt")
      .map((row) => `${row["epoch"]} ${row["gap"]} ${row["firstSeq"]}-${row["lastSeq"]}`);
  }

  async missing(): Promise<string[]> {
    const { missing } = await this.line.store.outbox.standing();
    return missing.map(({ epoch, firstSeq, lastSeq }) => `${epoch} ${firstSeq}-${lastSeq}`);
  }

  /** The receiver holds these, each once in effect, in this order; the agent's store is sound. */
  async holds(...bodies: readonly string[]): Promise<void> {
    assert.deepEqual(await this.line.agent.stored(), bodies);
    await this.line.closeTunnel();
    await this.line.store.close();
    const { reasons } = inspectStore(this.line.store.stateDir, TEST_KEK.current);
    assert.deepEqual(reasons, []);
  }

  /** The receiver has opened the epoch: the condition closes with it. */
  #isAtSink(epoch: bigint): boolean {
    const opened = this.line.folder.logged.filter(({ event }) => event === "channelOpened");
    return opened.some(({ facts }) => facts["epoch"] === epoch);
  }

  #copy(from: string, name: string): void {
    rmSync(join(this.#copies, name), { recursive: true, force: true });
    cpSync(from, join(this.#copies, name), { recursive: true });
  }

  #restore(to: string, name: string): void {
    assert.ok(existsSync(join(this.#copies, name)));
    rmSync(to, { recursive: true });
    cpSync(join(this.#copies, name), to, { recursive: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.line[Symbol.asyncDispose]();
    rmSync(this.#copies, { recursive: true, force: true });
  }
}
