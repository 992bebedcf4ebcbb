/** An agent's end and a real receiver, with a frame filter between them, in one process. @module */
import assert from "node:assert/strict";
import type { Receiver } from "#receiver/receiver.ts";
import { type NewAgent, ReceiverFolder } from "#test/receiver/support/receiver-folder.ts";
import { AgentEnd } from "./agent-end.ts";
import { FrameFilter, passOn } from "./frame-filter.ts";

export class FilteredLine implements AsyncDisposable {
  readonly folder: ReceiverFolder;
  readonly agent: NewAgent;
  readonly middle: FrameFilter;
  readonly end: AgentEnd;
  readonly #receiver: Receiver;

  private constructor(
    parts: Pick<FilteredLine, "folder" | "agent" | "middle" | "end">,
    receiver: Receiver,
  ) {
    this.folder = parts.folder;
    this.agent = parts.agent;
    this.middle = parts.middle;
    this.end = parts.end;
    this.#receiver = receiver;
  }

  /** Everything is there; the agent's tunnel is opened by `connect`. */
  static async open(heartbeatMs = 10_000): Promise<FilteredLine> {
    const folder = new ReceiverFolder();
    const receiver = await folder.open({ heartbeatMs });
    const agent = await folder.newAgent();
    const middle = await FrameFilter.open(receiver.address.port, agent.identity);
    const end = await AgentEnd.open();
    return new FilteredLine({ folder, agent, middle, end }, receiver);
  }

  connect(): Promise<void> {
    return this.end.connect(this.middle.url, this.agent.identity);
  }

  /** Waits until everything is settled; then the receiver holds it: once, in order, unchanged. */
  async arrivesWhole(): Promise<void> {
    await this.end.settled();
    assert.deepEqual(await this.agent.stored(), this.end.sent.flat());
    const rows = await this.folder.export();
    assert.ok(rows.every((row) => row["gap"] === undefined));
    assert.deepEqual(this.end.conditions, []);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.middle.filter = passOn;
    this.middle.passesEnds = true;
    await this.end[Symbol.asyncDispose]();
    await this.middle[Symbol.asyncDispose]();
    await this.#receiver[Symbol.asyncDispose]();
    this.folder[Symbol.dispose]();
  }
}
