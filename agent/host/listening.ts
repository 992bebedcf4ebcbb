/** Which ports of this machine are listened on, and by which process: Linux's `/proc`, asked by no program. @module */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

export interface Holder {
  /** Of its socket, in Linux's table. */
  readonly inode: string;
  /** Absent: of another account, which only root is shown. */
  readonly pid: number | undefined;
  /** As `ps` shows it, at most 15 characters; whoever started it has chosen them. */
  readonly name: string | undefined;
}

const LISTEN = "0A";

/** Pure. Inodes of sockets that listen on a port, on whatever address. @param table as in proc(5), /proc/net/tcp */
export function listenersIn(table: string, port: number): string[] {
  const wanted = port.toString(16).toUpperCase().padStart(4, "0");
  return table.split("\n").flatMap((line) => {
    const fields = line.trim().split(/\s+/);
    const [, local = "", , state] = fields;
    const inode = fields[9];
    const isIt = local.endsWith(`:${wanted}`) && state === LISTEN && inode !== undefined;
    return isIt ? [inode] : [];
  });
}

/** @returns who listens on the port; nothing on other systems, or if nobody does */
export function holderOf(port: number, proc = "/proc"): Holder | undefined {
  const tables = ["tcp", "tcp6"].map((name) => textOf(`${proc}/net/${name}`));
  const inodes = tables.flatMap((table) => listenersIn(table, port));
  const [first] = inodes;
  if (first === undefined) return undefined;
  for (const pid of processIds(proc)) {
    if (socketsOf(pid, proc).some((inode) => inodes.includes(inode))) {
      const name = textOf(`${proc}/${pid}/comm`).trim();
      return { inode: first, pid, name: name === "" ? undefined : name };
    }
  }
  return { inode: first, pid: undefined, name: undefined };
}

/** Names of all processes, as `ps` shows them; nothing on other systems. */
export const processNames = (proc = "/proc"): string[] => [
  ...new Set(processIds(proc).map((pid) => textOf(`${proc}/${pid}/comm`).trim())),
];

/** Of the kernel: what is loaded into it. */
export const kernelModules = (proc = "/proc"): string[] =>
  textOf(`${proc}/modules`)
    .split("\n")
    .map((line) => line.split(" ")[0] ?? "");

/** Ports below it need a right that the service does not have. */
export function firstUnprivilegedPort(proc = "/proc"): number {
  const text = textOf(`${proc}/sys/net/ipv4/ip_unprivileged_port_start`);
  return text === "" ? 1_024 : Number(text);
}

function processIds(proc: string): number[] {
  return namesIn(proc)
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

function socketsOf(pid: number, proc: string): string[] {
  const folder = `${proc}/${pid}/fd`;
  return namesIn(folder).flatMap((name) => {
    try {
      return /^socket:\[(\d+)\]$/.exec(readlinkSync(`${folder}/${name}`))?.[1] ?? [];
    } catch {
      // Closed meanwhile.
      return [];
    }
  });
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    // Ended meanwhile, of another account, or no Linux: less is known then.
    return [];
  }
}

function textOf(file: string): string {
  try {
    return readFileSync(file, "latin1");
  } catch {
    // As above.
    return "";
  }
}
