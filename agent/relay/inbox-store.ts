/** The inbox, as the streams of the tunnel see it (06 TP34): one source, one connection, nothing fenced. @module */
import type { SinkStore } from "#streams/sink/sink-store.ts";
import type { Inbox } from "../outbox/inbox/inbox.ts";
import type { DownstreamInbox } from "../tunnel/receiving-streams.ts";

/** @param serves whether the configuration delivers a channel now */
export function downstreamInbox(inbox: Inbox, serves: DownstreamInbox["serves"]): DownstreamInbox {
  return {
    serves,
    get hasRoom() {
      return inbox.hasRoom;
    },
    storeFor: (receiverStoreId) => sinkStore(inbox, receiverStoreId),
  };
}

function sinkStore(inbox: Inbox, sourceStore: Uint8Array): SinkStore {
  return {
    open: ({ channel, epoch, atMs, nextSeq, previous }) =>
      inbox.open({ channel, epoch, atMs, nextSeq, previous, sourceStore }),
    ingest: ({ channel, epoch, atMs, first, items }) =>
      inbox.ingest({ channel, epoch, atMs, first, items }),
    savePartial: ({ channel, epoch, atMs, seq, sha256, totalBytes, offset, bytes }) =>
      inbox.partial({ channel, epoch, atMs, seq, sha256, totalBytes, offset, bytes }),
    skip: ({ channel, epoch, atMs, first, last, reason, chain }) =>
      inbox.skip({ channel, epoch, atMs, first, last, reason, chain, sourceStore }),
  };
}
