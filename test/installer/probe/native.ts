/** A program for a test: it loads both native add-ons, and on Windows reads its own messages. @module */
import { foreignFunctions } from "#packaged/foreign-functions.ts";
import { openSqlite } from "#packaged/sqlite.ts";

/** FORMAT_MESSAGE_ARGUMENT_ARRAY and FORMAT_MESSAGE_FROM_HMODULE: of the executable itself. */
const OWN_MESSAGE = 0x2800;
const TEXT_UNITS = 256;

function ownMessages(koffi: Awaited<ReturnType<typeof foreignFunctions>>): readonly string[] {
  const kernel = koffi.load("kernel32.dll");
  const format = kernel.func(
    "uint32 __stdcall FormatMessageW(uint32 flags, void *source, uint32 id, uint32 language, _Out_ uint16 *text, uint32 units, const char16_t **arguments)",
  );
  return [1, 2, 3].map((id) => {
    const text = new Uint16Array(TEXT_UNITS);
    const units: number = format(OWN_MESSAGE, null, id, 0, text, TEXT_UNITS, [`text ${id}`]);
    return String.fromCharCode(...text.subarray(0, units));
  });
}

async function tell(): Promise<void> {
  const koffi = await foreignFunctions();
  const sqlite = openSqlite(":memory:").prepare("SELECT sqlite_version()").pluck().get();
  const messages = process.platform === "win32" ? ownMessages(koffi) : [];
  process.stdout.write(`${JSON.stringify({ sqlite, koffi: koffi.version, messages })}\n`);
}

void tell();
