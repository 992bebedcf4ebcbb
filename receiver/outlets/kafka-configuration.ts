/**
 * An outlet of the kind `kafka` in `receiver.yaml`.
 *
 * @module
 */
import { X509Certificate } from "node:crypto";
import { createSecureContext } from "node:tls";
import { z } from "zod";
import { KAFKA_MESSAGE_DEFAULT_BYTES, KAFKA_MESSAGE_MAX_BYTES } from "../limits.ts";
import type { KafkaOptions } from "./kafka.ts";
import type { Broker, BrokerLogin, BrokerTls } from "./kafka-producer.ts";
import { isLoopback } from "./loopback.ts";
import { fileError, textOf } from "./outlet-files.ts";
import { HANDS_ON } from "./outlet-keys.ts";

const BROKER = /^(?:\[([0-9a-f:]+)\]|([a-z0-9._-]+)):([1-9][0-9]{0,4})$/i;
/** Names of topics as brokers allow them; those that begin with two underscores are their own. */
const TOPIC = /^(?!__|\.{1,2}$)[a-zA-Z0-9._-]{1,249}$/;

const TLS = z
  .strictObject({
    /** PEM; the trust store of Node if it is absent. */
    ca: z.string().min(1).optional(),
    certificate: z.string().min(1).optional(),
    key: z.string().min(1).optional(),
  })
  .refine(({ certificate, key }) => (certificate === undefined) === (key === undefined), {
    path: ["key"],
    error: "belongs to tls.certificate: both or none",
  });

export const KAFKA = z
  .strictObject({
    kind: z.literal("kafka"),
    ...HANDS_ON,
    /** Of one cluster: where it is asked for the others. */
    brokers: z
      .array(z.string().refine((text) => brokerOf(text) !== undefined, "is no HOST:PORT"))
      .min(1)
      .max(64),
    topic: z.string().regex(TOPIC, "is no name of a topic"),
    /** False only to this machine. */
    tls: z
      .union([z.literal(false), TLS], {
        error: "must be false, or have files: ca, certificate, key",
      })
      .prefault({}),
    sasl: z
      .strictObject({
        mechanism: z.enum(["plain", "scram-sha-256", "scram-sha-512"]),
        username: z.string().min(1),
        passwordFile: z.string().min(1),
      })
      .optional(),
    /** A body beyond it stops its channel. */
    maxMessageBytes: z
      .int()
      .min(1)
      .max(KAFKA_MESSAGE_MAX_BYTES)
      .default(KAFKA_MESSAGE_DEFAULT_BYTES),
  })
  .refine(({ tls, brokers }) => tls !== false || brokers.every(isOnThisMachine), {
    path: ["tls"],
    error: "must not be false: messages would cross the network in the clear",
  });

export type KafkaConfiguration = z.infer<typeof KAFKA>;

/** @param from makes a path absolute */
export function withAbsoluteKafkaPaths(
  { tls, sasl, ...rest }: KafkaConfiguration,
  from: (path: string) => string,
): KafkaConfiguration {
  return {
    ...rest,
    tls: tls === false ? false : mapped(tls, from),
    ...(sasl === undefined ? {} : { sasl: { ...sasl, passwordFile: from(sasl.passwordFile) } }),
  };
}

/** @throws {ReceiverError} `OUTLET_FILE`, naming the outlet and the key */
export function readKafka(outlet: KafkaConfiguration): KafkaOptions {
  const { name, topic, brokers, timeoutSeconds, channelsAtOnce, maxMessageBytes } = outlet;
  return {
    name,
    maxMessageBytes,
    client: {
      brokers: brokers.map(brokerOf).filter((broker) => broker !== undefined),
      topic,
      tls: tlsOf(outlet),
      login: loginOf(outlet),
      timeoutMs: timeoutSeconds * 1_000,
      requestsAtOnce: channelsAtOnce,
    },
  };
}

function tlsOf(outlet: KafkaConfiguration): BrokerTls | null {
  if (outlet.tls === false) return null;
  const files: BrokerTls = mapped(outlet.tls, (file, key) => textOf(outlet, `tls.${key}`, file));
  const { ca, certificate: cert, key } = files;
  // Said now, and not at each connection.
  if (ca !== undefined) refuseUnless(outlet, "tls.ca", () => new X509Certificate(ca));
  refuseUnless(outlet, "tls.key", () => createSecureContext({ cert, key }));
  return files;
}

function refuseUnless(outlet: KafkaConfiguration, key: string, read: () => unknown): void {
  try {
    read();
  } catch (error) {
    throw fileError(outlet, key, error);
  }
}

function loginOf(outlet: KafkaConfiguration): BrokerLogin | null {
  if (outlet.sasl === undefined) return null;
  const { mechanism, username, passwordFile } = outlet.sasl;
  const key = "sasl.passwordFile";
  const password = textOf(outlet, key, passwordFile).replace(/\r?\n$/, "");
  if (!/^[^\r\n]+$/.test(password)) throw fileError(outlet, key);
  return { mechanism, username, password };
}

type TlsFiles = Exclude<KafkaConfiguration["tls"], false>;

function mapped(files: TlsFiles, to: (file: string, key: string) => string): TlsFiles {
  const { ca, certificate, key } = files;
  return {
    ...(ca === undefined ? {} : { ca: to(ca, "ca") }),
    ...(certificate === undefined ? {} : { certificate: to(certificate, "certificate") }),
    ...(key === undefined ? {} : { key: to(key, "key") }),
  };
}

function brokerOf(text: string): Broker | undefined {
  const [, address, name, port] = BROKER.exec(text) ?? [];
  const host = address ?? name;
  if (host === undefined || Number(port) > 65_535) return undefined;
  return { host, port: Number(port) };
}

function isOnThisMachine(text: string): boolean {
  return isLoopback(brokerOf(text)?.host ?? "");
}
