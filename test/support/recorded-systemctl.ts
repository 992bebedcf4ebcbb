/** On a machine of the test's own: systemd that runs it, as far as `systemctl` shows. It notes what it is asked. @module */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { OwnRoot } from "./own-root.ts";

const ASKED = "/var/log/asked";
const SCRIPT = `#!/bin/sh
echo "$(env | grep -vc '^\\(PWD\\|SHLVL\\|_\\)=') $*" >> ${ASKED}
for one in "$@"; do unit=$one; done
[ "$1" = show ] && cat "/run/units/$unit" 2>/dev/null
[ ! -e "/run/fails/$1-$unit" ]
`;

export class RecordedSystemctl {
  readonly #root: OwnRoot;

  constructor(root: OwnRoot) {
    this.#root = root;
    this.#write("/usr/bin/systemctl", SCRIPT, 0o755);
    mkdirSync(root.at("/run/systemd/system"), { recursive: true });
    this.unit("holdfast.service", { LoadState: "not-found" });
    this.unit("holdfast.socket", { LoadState: "not-found" });
  }

  /** What `systemctl show` says from now on. */
  unit(name: string, properties: Readonly<Record<string, string | number>>): void {
    const lines = Object.entries(properties).map(([key, value]) => `${key}=${value}\n`);
    this.#write(`/run/units/${name}`, lines.join(""), 0o644);
  }

  /** From now on `systemctl VERB … UNIT` ends with 1. */
  fail(verb: string, unit: string): void {
    this.#write(`/run/fails/${verb}-${unit}`, "", 0o644);
  }

  /** What it was asked since the last look, in order; looks at units are left out. */
  asked(): string[] {
    const file = this.#root.at(ASKED);
    if (!existsSync(file)) return [];
    const lines = readFileSync(file, "utf8").trimEnd().split("\n");
    writeFileSync(file, "");
    const exposed = lines.filter((line) => !line.startsWith("0 ") && line !== "");
    if (exposed.length > 0) throw new Error(`with variables of the environment: ${exposed}`);
    return lines.map((line) => line.slice(2)).filter((line) => line !== "" && !/^show/.test(line));
  }

  #write(path: string, text: string, mode: number): void {
    const file = this.#root.at(path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text, { mode });
  }
}
