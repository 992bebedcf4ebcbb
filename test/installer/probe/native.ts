/**
 * A program for a test on Windows: it loads both native add-ons, reads its own messages, and says what came of what the
 * service asks of Windows.
 *
 * @module
 */
import { spawn } from "node:child_process";
import { copyFileSync, mkdirSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { unwrapOnMachine, wrapForMachine } from "#agent/host/windows/data-protection.ts";
import { hardenProcess } from "#agent/host/windows/hardening.ts";
import { guardLocalPipe } from "#agent/host/windows/local-pipe.ts";
import { openNativeNow } from "#agent/host/windows/native.ts";
import { openSecurity } from "#agent/host/windows/security.ts";
import { foreignFunctionsNow } from "#packaged/foreign-functions.ts";
import { openSqlite } from "#packaged/sqlite.ts";

/** FORMAT_MESSAGE_ARGUMENT_ARRAY and FORMAT_MESSAGE_FROM_HMODULE: of the executable itself. */
const OWN_MESSAGE = 0x2800;
const TEXT_UNITS = 256;
const PROCESSES = 2;
const SYSTEM32 = "C:\\windows\\system32";
const WORK = "C:\\windows\\temp\\planted";
const PIPE = "\\\\.\\pipe\\holdfast-probe";

function ownMessages(): readonly string[] {
  const kernel = foreignFunctionsNow().load("kernel32.dll");
  const format = kernel.func(
    "uint32 __stdcall FormatMessageW(uint32 flags, void *source, uint32 id, uint32 language, _Out_ uint16 *text, uint32 units, const char16_t **arguments)",
  );
  return [1, 2, 3].map((id) => {
    const text = new Uint16Array(TEXT_UNITS);
    const units: number = format(OWN_MESSAGE, null, id, 0, text, TEXT_UNITS, [`text ${id}`]);
    return String.fromCharCode(...text.subarray(0, units));
  });
}

const codeOf = (error: unknown): string => String((error as { code?: unknown }).code);

/** @returns what it answers, or the code of what it throws */
function outcome<T>(act: () => T): T | string {
  try {
    return act();
  } catch (error) {
    return codeOf(error);
  }
}

/** A library in the folder in which the program stands, by its name alone: before and after anything of ours was called. */
function planted(): Readonly<Record<string, boolean>> {
  mkdirSync(WORK, { recursive: true });
  process.chdir(WORK);
  // Not koffi's own way, which looks in that folder itself.
  const load = foreignFunctionsNow().load("kernel32.dll").func("void *LoadLibraryW(str16 name)");
  const isLoaded = (name: string): boolean => {
    copyFileSync(join(SYSTEM32, "version.dll"), name);
    return load(name) !== null;
  };
  const before = isLoaded("planted-before.dll");
  openNativeNow();
  const after = isLoaded("planted-after.dll");
  return { before, after, byPath: isLoaded(join(WORK, "planted-path.dll")) };
}

function wrapping(): object {
  const secret = new Uint8Array(32).fill(7);
  const purpose = { description: "a probe", entropy: "one" };
  const wrapped = wrapForMachine(secret, purpose);
  const changed = new Uint8Array(wrapped);
  changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1;
  return {
    again: Buffer.from(unwrapOnMachine(wrapped, purpose)).equals(secret),
    holdsIt: Buffer.from(wrapped).includes(Buffer.from(secret)),
    changed: outcome(() => unwrapOnMachine(changed, purpose)),
    cutOff: outcome(() => unwrapOnMachine(wrapped.subarray(0, 40), purpose)),
    otherwise: outcome(() => unwrapOnMachine(wrapped, { ...purpose, entropy: "other" })),
  };
}

function listening(server: Server): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  server.on("error", (error) => resolve(codeOf(error))).listen(PIPE, () => resolve("listens"));
  return promise;
}

async function pipe(): Promise<object> {
  const server = createServer();
  const first = await listening(server);
  await guardLocalPipe(PIPE);
  const security = await openSecurity();
  const found = { first, after: security.describe(PIPE), own: security.ownSid() };
  server.close();
  return found;
}

/** Wine does not tell the limits of a job; what it has started ends with this process, if the job kills on close. */
async function job(): Promise<object> {
  const weakened = await hardenProcess(PROCESSES);
  const child = spawn(process.execPath, ["stay"], { stdio: "ignore", detached: true });
  child.unref();
  return { weakened, started: child.pid !== undefined };
}

async function tell(): Promise<void> {
  if (process.argv[2] === "stay") return void setInterval(() => {}, 1 << 30);
  const places = planted();
  const sqlite = openSqlite(":memory:").prepare("SELECT sqlite_version()").pluck().get();
  const koffi = foreignFunctionsNow().version;
  const found = { sqlite, koffi, messages: ownMessages(), planted: places, wrapping: wrapping() };
  const said = { ...found, pipe: await pipe(), job: await job() };
  process.stdout.write(`${JSON.stringify(said)}\n`);
}

void tell();
