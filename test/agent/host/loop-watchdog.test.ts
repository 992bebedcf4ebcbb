/** A main loop that hangs ends its process (09 SV13). */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

const HOST = new URL("../../../agent/host/", import.meta.url);

/** A process that is watched, with a limit of 300 ms, and then does something. */
function watched(then: string) {
  const script = `
    import { watchLoop } from ${JSON.stringify(new URL("loop-watchdog.ts", HOST).href)};
    import { systemClock } from ${JSON.stringify(new URL("clock.ts", HOST).href)};
    const watch = watchLoop(systemClock, 300);
    ${then}`;
  const folder = mkdtempSync(join(tmpdir(), "holdfast-watched-"));
  // Not `-e`: a thread would take its flags over.
  const file = join(folder, "watched.mjs");
  writeFileSync(file, script);
  const limits = { timeout: 20_000, killSignal: "SIGABRT" } as const;
  const ended = spawnSync(process.execPath, [file], { encoding: "utf8", ...limits });
  rmSync(folder, { recursive: true });
  return ended;
}

test("[SV13] a loop that hangs is killed, and a line says why; SIGTERM could not", () => {
  const { signal, stderr } = watched(`process.on("SIGTERM", () => {}); for (;;);`);
  assert.equal(signal, "SIGKILL");
  assert.match(stderr, /loop has hung/);
});

test("[SV13] one that turns goes on, and ends by itself: the thread does not keep it", () => {
  const { status, signal, stderr } = watched(`setTimeout(() => {}, 1_500);`);
  assert.deepEqual({ status, signal, stderr }, { status: 0, signal: null, stderr: "" });
});

test("[SV13] one that pauses for less than the limit, or is no longer watched, is left alone", () => {
  const pause = "Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ";
  assert.equal(watched(`setTimeout(() => ${pause}200), 100);`).status, 0);
  assert.equal(
    watched(`watch[Symbol.dispose](); setTimeout(() => ${pause}1_200), 300);`).status,
    0,
  );
});
