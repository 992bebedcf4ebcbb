/** What Node does not say of a descriptor before it listens on it: whether it is a listening socket, and where. @module */
import { constants } from "node:os";
import { foreignFunctions } from "#packaged/foreign-functions.ts";
import type { SocketPlace } from "./socket-place.ts";

/** Of Linux's headers, on x64 and arm64. */
const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_STREAM = 1;
const SOL_SOCKET = 1;
const SO_TYPE = 3;
const SO_ACCEPTCONN = 30;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;
const F_SETFD = 2;
const F_DUPFD_CLOEXEC = 1_030;
const FD_CLOEXEC = 1;
/** Above those that standard streams may have, whichever is closed. */
const LEAST_DESCRIPTOR = 3;
const ADDRESS_BYTES = 128;
const PORT_AT = 2;
const ADDRESS_4_AT = 4;
const ADDRESS_6_AT = 8;

export interface SocketCalls {
  /** Where it listens; `undefined` if it is no TCP socket that does. From now on no child inherits it. */
  listeningAt(fd: number): SocketPlace | undefined;
  /** @throws {Error} without a text of ours: too many descriptors are open */
  duplicate(fd: number): number;
}

/** @throws {AddOnError} in the executable */
export async function openSocketCalls(): Promise<SocketCalls> {
  const { load, errno } = await foreignFunctions();
  const libc = load("libc.so.6");
  const fcntl = libc.func("int fcntl(int fd, int command, int argument)");
  const getsockname = libc.func("int getsockname(int fd, uint8_t *address, uint8_t *bytes)");
  const getsockopt = libc.func(
    "int getsockopt(int fd, int level, int name, uint8_t *value, uint8_t *bytes)",
  );
  const optionOf = (fd: number, level: number, name: number): number | undefined => {
    const value = Buffer.alloc(4);
    return getsockopt(fd, level, name, value, sizeOf(value)) === 0
      ? value.readInt32LE()
      : undefined;
  };
  return {
    listeningAt: (fd) => {
      if (optionOf(fd, SOL_SOCKET, SO_TYPE) !== SOCK_STREAM) return undefined;
      if (optionOf(fd, SOL_SOCKET, SO_ACCEPTCONN) !== 1) return undefined;
      const address = Buffer.alloc(ADDRESS_BYTES);
      if (getsockname(fd, address, sizeOf(address)) !== 0) return undefined;
      fcntl(fd, F_SETFD, FD_CLOEXEC);
      return placeOf(address, () => optionOf(fd, IPPROTO_IPV6, IPV6_V6ONLY) === 0);
    },
    duplicate: (fd) => {
      const copy = fcntl(fd, F_DUPFD_CLOEXEC, LEAST_DESCRIPTOR) as number;
      if (copy >= 0) return copy;
      throw Object.assign(new Error("fcntl"), { code: nameOf(errno()) });
    },
  };
}

function sizeOf(buffer: Buffer): Buffer {
  const size = Buffer.alloc(4);
  size.writeUInt32LE(buffer.length);
  return size;
}

/** `struct sockaddr_in`, `sockaddr_in6` (ip(7), ipv6(7)). */
function placeOf(address: Buffer, isDual: () => boolean): SocketPlace | undefined {
  const family = address.readUInt16LE(0);
  const port = address.readUInt16BE(PORT_AT);
  if (family === AF_INET) {
    const bytes = address.subarray(ADDRESS_4_AT, ADDRESS_4_AT + 4);
    return { address: [...bytes].join("."), port, isDual: false };
  }
  if (family !== AF_INET6) return undefined;
  const groups = Array.from({ length: 8 }, (_, at) =>
    address.readUInt16BE(ADDRESS_6_AT + 2 * at).toString(16),
  );
  return { address: shortest(groups.join(":")), port, isDual: isDual() };
}

/** As everybody writes it: `::1`. */
const shortest = (address: string): string => new URL(`http://[${address}]`).hostname.slice(1, -1);

const nameOf = (number: number): string =>
  Object.entries(constants.errno).find(([, value]) => value === number)?.[0] ?? "unknown";
