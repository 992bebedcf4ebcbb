/**
 * Rows of dropped files in the writer thread: each call is one commit (04 P17). With the messages of a file its row
 * changes in `file-marks.ts`.
 *
 * @module
 */
import type { AgentError } from "../../errors.ts";
import type { Claimed, NewClaim } from "../../ingest/file-drop/claims.ts";
import { translated } from "../format/fault.ts";
import type { Purpose } from "../space/budget.ts";
import type { FileChange, FileQuestions } from "./file-messages.ts";
import { FileReader, type FileReaderOptions } from "./file-reader.ts";
import {
  contentToken,
  type FileColumns,
  identityToken,
  openDigest,
  sealDigest,
  sealHead,
  sealTargets,
} from "./file-rows.ts";

export interface FileStoreOptions extends FileReaderOptions {
  /** Called with why a change was refused, unless that halts the store. */
  readonly onRefused: (error: AgentError) => void;
}

export class FileStore {
  readonly reader: FileReader;
  readonly #options: FileStoreOptions;
  #lastId: number;

  constructor(options: FileStoreOptions) {
    this.#options = options;
    this.reader = new FileReader(options);
    const { prepared } = options.store;
    this.#lastId = (prepared.fileSequence.get() as number | undefined) ?? 0;
  }

  /** As messages: where there is no room for those, nothing is claimed (04 P4). @throws {AgentError} `STORE_*` */
  claim({ channel, claims, atMs }: FileQuestions["fileClaim"]["ask"]): Claimed[] {
    const { store } = this.#options;
    const { sealer } = store;
    store.budget.refuseIfFull();
    const claimed: Claimed[] = [];
    // Before the transaction: a page that cannot be read would spoil it.
    const tokens = claims.map(({ files }) => identityToken(sealer, files));
    const same = tokens.map((token) => this.reader.same(channel, token));
    this.#write(() => {
      for (const [index, claim] of claims.entries()) {
        const id = this.#insert(channel, claim, tokens[index], atMs);
        claimed.push({ id, claimedAtMs: atMs, sameAs: same[index] });
      }
    }, "messages");
    return claimed;
  }

  /** @throws {AgentError} `STORE_*` */
  change(change: FileChange): undefined {
    this.#write(() => this.#carryOut(change), "progress");
  }

  /** @throws {AgentError} `STORE_*` */
  attempt({ channel, id }: FileQuestions["fileAttempt"]["ask"]): number {
    const { prepared } = this.#options.store;
    let count = 0;
    this.#write(() => {
      count = (prepared.fileAttempt.get(id, channel) as number | undefined) ?? 0;
    }, "progress");
    return count;
  }

  #insert(channel: number, claim: NewClaim, token: Uint8Array | undefined, atMs: number): number {
    const { prepared, sealer } = this.#options.store;
    // Known before the row is there: it is sealed to its number, which never comes twice.
    const id = ++this.#lastId;
    const head = sealHead(sealer, { id, channel }, claim);
    prepared.fileInsert.run(id, claim.claim, channel, atMs, token, head, claim.unfit ?? null);
    return id;
  }

  #carryOut(change: FileChange): void {
    const { prepared, sealer } = this.#options.store;
    const { channel, atMs } = change;
    switch (change.change) {
      case "withdraw":
        for (const id of change.ids) {
          prepared.fileWithdraw.run(id, channel);
          prepared.filePutBack.run(atMs, atMs, id, channel);
        }
        return;
      case "forget":
        for (const id of change.ids) prepared.fileForget.run(id, channel);
        return;
      case "settle":
        for (const { id, sha256, contentKey, verdict } of change.files) {
          const digest = sealDigest(sealer, { id, channel }, [sha256, contentKey]);
          const token = contentToken(sealer, contentKey);
          prepared.fileSettle.run(verdict, atMs, token, digest, id, channel);
        }
        return;
      case "setAside":
        for (const { id, reason, sha256 } of change.files) {
          const known = sha256 && (this.#contentOf(id, channel, sha256) ?? [sha256]);
          const digest = known === undefined ? null : sealDigest(sealer, { id, channel }, known);
          // What steps have stored of it counts for the same content: also where it was not read whole again.
          const isUnread = known === undefined ? 1 : 0;
          const isSame = (known?.length ?? 0) > 1 ? 1 : isUnread;
          prepared.fileSetAside.run(reason, atMs, isUnread, digest, isSame, id, channel);
        }
        return;
      case "plan":
        for (const { id, targets } of change.files) {
          prepared.filePlan.run(sealTargets(sealer, { id, channel }, targets), id, channel);
        }
        return;
      case "moved":
        for (const { id, targets, left } of change.files) {
          const sealed = sealTargets(sealer, { id, channel }, targets);
          prepared.fileMove.run(sealed, atMs, left ? 1 : 0, id, channel);
        }
        return;
    }
  }

  /** Of a file of which steps are stored, with this content. */
  #contentOf(id: number, channel: number, sha256: Uint8Array): Uint8Array[] | undefined {
    const { prepared, sealer } = this.#options.store;
    const row = prepared.fileAt.get(id, channel) as FileColumns | undefined;
    const [digest, appended] = [row?.[16] ?? null, row?.[17] ?? 0];
    if (digest === null || appended === 0) return undefined;
    const known = openDigest(sealer, { id, channel }, digest);
    const own = known?.subarray(0, sha256.length);
    if (known === undefined || own === undefined || Buffer.compare(own, sha256) !== 0) {
      return undefined;
    }
    return [own, known.subarray(sha256.length)];
  }

  #write(work: () => void, purpose: Purpose): void {
    const { store, onRefused } = this.#options;
    try {
      store.inTransaction(work, purpose);
    } catch (error) {
      const fault = store.budget.refusal(translated(error), []);
      if (fault.disposition !== "halt") onRefused(fault);
      throw fault;
    }
  }
}
