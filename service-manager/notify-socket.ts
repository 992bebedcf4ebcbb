/** Datagrams to the socket of a service manager (sd_notify(3)): Node has streams alone. @module */
import { foreignFunctions } from "#packaged/foreign-functions.ts";

/** Of Linux's headers. */
const AF_UNIX = 1;
const SOCK_DGRAM_CLOEXEC = 0x8_0002;
const MSG_DONTWAIT_NOSIGNAL = 0x4040;
/** `sun_path` of `sockaddr_un`. */
const PATH_MAX_BYTES = 108;

export type Notify = (text: string) => void;

/**
 * @param path `$NOTIFY_SOCKET`: absolute, or an abstract name behind `@`
 * @returns sends a datagram; never waits and never fails: a manager that does not read is its own alarm
 * @throws {RangeError} if it is no such path
 */
export async function openNotifySocket(path: string): Promise<Notify> {
  const address = addressOf(path);
  const { load } = await foreignFunctions();
  const libc = load("libc.so.6");
  const socket = libc.func("int socket(int domain, int type, int protocol)");
  const sendto = libc.func(
    "long sendto(int fd, const uint8_t *data, unsigned long bytes, int flags, const uint8_t *to, uint32_t toBytes)",
  );
  const fd = socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0) as number;
  return (text) => {
    const data = Buffer.from(text);
    sendto(fd, data, data.length, MSG_DONTWAIT_NOSIGNAL, address, address.length);
  };
}

/** `struct sockaddr_un` (unix(7)). */
function addressOf(path: string): Buffer {
  if (!/^[/@]/.test(path)) throw new RangeError("NOTIFY_SOCKET is no absolute path");
  const isAbstract = path.startsWith("@");
  const name = Buffer.from(isAbstract ? `\0${path.slice(1)}` : `${path}\0`);
  if (name.length > PATH_MAX_BYTES) throw new RangeError("NOTIFY_SOCKET is too long");
  const family = Buffer.alloc(2);
  family.writeUInt16LE(AF_UNIX);
  return Buffer.concat([family, name]);
}
