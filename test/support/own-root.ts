/**
 * A machine of the test's own for programs that write where systems keep things: this one's folders, and above them
 * layers that take what is written. Only root can mount them.
 *
 * @module
 */
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const LAYERED = ["/etc", "/opt", "/usr"];
/** Empty at first; on a disk, where a store may lie. */
const OWN = ["/run", "/var"];

export interface Said {
  readonly status: number | null;
  readonly out: string;
  readonly errors: string;
}

export class OwnRoot implements Disposable {
  readonly #folder = mkdtempSync(join(tmpdir(), "holdfast-root-"));

  private constructor() {
    for (const name of [...LAYERED, ...OWN]) {
      mkdirSync(join(this.#folder, "upper", name), { recursive: true, mode: 0o755 });
      mkdirSync(join(this.#folder, "work", name), { recursive: true });
    }
    for (const name of ["lib/systemd", "log", "tmp"])
      mkdirSync(this.at(`/var/${name}`), { recursive: true });
    // Where it lies, accounts of that machine look.
    chmodSync(this.#folder, 0o755);
  }

  /** @returns it, or the line that says what cannot be tested */
  static make(): OwnRoot | string {
    const root = new OwnRoot();
    const { status, errors } = root.run(["true"]);
    if (status === 0) return root;
    root[Symbol.dispose]();
    return `not tested: what is written as root; no layers can be mounted here (${errors.trim()})`;
  }

  /** Where what was written at a path of that machine lies on this one. */
  at(path: string): string {
    return join(this.#folder, "upper", path);
  }

  has(path: string): boolean {
    return existsSync(this.at(path));
  }

  /** Runs a program there, as root, until it ends. */
  run(command: readonly string[], input = ""): Said {
    const [program = "", ...args] = this.inside(command);
    const { status, stdout, stderr } = spawnSync(program, args, { encoding: "utf8", input });
    return { status, out: stdout, errors: stderr };
  }

  /** The command that runs another one there. */
  inside(command: readonly string[]): readonly string[] {
    const mounts = LAYERED.map(
      (name) =>
        `mount -t overlay overlay -o lowerdir=${name},upperdir=$0/upper${name},workdir=$0/work${name} ${name}`,
    );
    const binds = OWN.map((name) => `mount --bind $0/upper${name} ${name}`);
    const script = [...mounts, ...binds, 'exec "$@"'].join(" && ");
    return ["unshare", "-m", "sh", "-c", script, this.#folder, ...command];
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
