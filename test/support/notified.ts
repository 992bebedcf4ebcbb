/** A service manager's end of `$NOTIFY_SOCKET`, played by Python: Node has no datagrams of this kind. @module */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Started, until } from "./processes.ts";

const LISTENER = `
import socket, sys
name = sys.argv[1]
listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
listener.bind("\\0" + name[1:] if name.startswith("@") else name)
print("listening", flush=True)
while True:
    print(listener.recv(4096).decode(), flush=True)
`;

export class Notified implements AsyncDisposable {
  readonly #folder = mkdtempSync(join(tmpdir(), "holdfast-notify-"));
  readonly #listener: Started;
  readonly socket: string;
  readonly said: string[] = [];

  private constructor(kind: "path" | "abstract") {
    this.socket = kind === "path" ? join(this.#folder, "socket") : `@${this.#folder}`;
    this.#listener = new Started(["/usr/bin/python3", "-c", LISTENER, this.socket]);
    let part = "";
    this.#listener.child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      const lines = `${part}${text}`.split("\n");
      part = lines.pop() ?? "";
      this.said.push(...lines);
    });
  }

  static async open(kind: "path" | "abstract" = "path"): Promise<Notified> {
    const made = new Notified(kind);
    await made.hears("listening");
    return made;
  }

  /** Waits until a datagram of this text has come. */
  hears(text: string | RegExp): Promise<void> {
    const isIt = (line: string): boolean =>
      typeof text === "string" ? line === text : text.test(line);
    return until(String(text), () => this.said.some(isIt));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#listener[Symbol.asyncDispose]();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
