/**
 * Which connection speaks for each agent on this node: one after its HELLO, and one that has not
 * said it yet. So an agent that dials again and again holds two sockets, not thousands.
 *
 * Other nodes are not known here. An older connection there is fenced by the store at its next call
 * (RI2); an idle one makes none, and is told at its next OPEN or message, or ends by silence.
 *
 * @module
 */

/** What is told to a connection of an agent. */
export interface LiveConnection {
  /** A newer session has begun: GOAWAY FENCED. */
  fence(): void;
  /** Two copies are alive: GOAWAY DUPLICATE_IDENTITY (TP33). */
  lock(): void;
  /** There may be messages for the agent (TP34). */
  wake(): void;
  /** Hangs up without a word. */
  destroy(): void;
}

interface Greeted {
  readonly session: number;
  readonly connection: LiveConnection;
}

/** Who is told of sessions that begin and end here. */
export interface SessionListener {
  begun(agent: number, session: number): void;
  gone(agent: number, session: number): void;
}

const NOBODY: SessionListener = { begun: () => {}, gone: () => {} };

export class LiveAgents {
  readonly #listener: SessionListener;
  readonly #silent = new Map<number, LiveConnection>();
  readonly #greeted = new Map<number, Greeted>();

  constructor(listener: SessionListener = NOBODY) {
    this.#listener = listener;
  }

  /** Connections that have not been welcomed yet. */
  get silentCount(): number {
    return this.#silent.size;
  }

  /** It has passed the gate. One that did so before and said nothing is given up by its agent (TP1). */
  arrived(agent: number, connection: LiveConnection): void {
    const earlier = this.#silent.get(agent);
    this.#silent.set(agent, connection);
    earlier?.destroy();
  }

  /**
   * Its session is committed; the older one is told at once, not only at its next call.
   *
   * @returns false if a newer session is here already: answers of a store may cross
   */
  begun(agent: number, session: number, connection: LiveConnection): boolean {
    if (this.#silent.get(agent) === connection) this.#silent.delete(agent);
    const other = this.#greeted.get(agent);
    if (other !== undefined && other.session > session) return false;
    this.#greeted.set(agent, { session, connection });
    other?.connection.fence();
    this.#listener.begun(agent, session);
    return true;
  }

  /** TP33: both copies are told; the one that is connected elsewhere is fenced there. */
  lock(agent: number): void {
    this.#greeted.get(agent)?.connection.lock();
  }

  /** Messages lie there for an agent, which may be connected here. */
  wake(agent: number): void {
    this.#greeted.get(agent)?.connection.wake();
  }

  /** It has ended. */
  gone(agent: number, connection: LiveConnection): void {
    if (this.#silent.get(agent) === connection) this.#silent.delete(agent);
    const greeted = this.#greeted.get(agent);
    if (greeted?.connection !== connection) return;
    this.#greeted.delete(agent);
    this.#listener.gone(agent, greeted.session);
  }
}
