/** `listener.list`, `config.show` and `message.structure`: how things are built, without what they say (08 4.4). @module */
import { identifierFrom } from "../../errors.ts";
import type { AgentStatus } from "../../status.ts";
import { type Answer, nameFact, optional } from "../answer.ts";
import type { ConfigurationFacts, StructureFacts } from "../facts.ts";
import { redacted } from "../redacted-configuration.ts";
import type { Tokens } from "../tokens.ts";

export const listenersAnswer = ({ channels }: AgentStatus, tokens: Tokens): Answer =>
  channels
    .filter(({ kind }) => kind === "mllp-listener")
    .map((one) => ({
      ...{ channel: nameFact(one.name), isBound: one.listening, port: optional(one.port) },
      address: one.host === undefined ? null : tokens.of(one.host),
      ...{ tls: one.tls, connections: one.connections, handshakes: one.handshakes },
      maxConnections: optional(one.maxConnections),
    }));

/** Hosts are named by their index, and by nothing else: `dns.probe` and its like take that. */
export function configurationAnswer(
  { digest, local, channels, hosts }: ConfigurationFacts,
  tokens: Tokens,
): Answer {
  return {
    digest: digest === undefined ? null : identifierFrom(digest),
    local: redacted(local, tokens),
    channels: redacted(channels, tokens),
    hosts: hosts.map(({ host, port, use, channel }, index) => ({
      ...{ index, use: identifierFrom(use), address: tokens.of(host), port },
      channel: channel === undefined ? null : nameFact(channel),
    })),
  };
}

export function structureAnswer(
  { shape, length, looked, controlId }: StructureFacts,
  tokens: Tokens,
) {
  const { code, event, structure, version, segments, segmentCount } = shape;
  return {
    ...{ code: word(code), event: word(event), structure: word(structure), version: word(version) },
    ...{ bytes: length, isWhole: looked >= length, segmentCount },
    controlId: controlId.length === 0 ? null : tokens.of(controlId),
    segments: segments.map(({ id, fieldCount, lengths }) => ({
      ...{ id: word(id), fieldCount, lengths: lengths.map(word) },
    })),
  };
}

/** Of the lists of HL7; what is not in them is `?`, which no identifier can be. */
const word = (text: string) => (text === "?" ? null : identifierFrom(text));
