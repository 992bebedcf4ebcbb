/** Values in the machine's part of Windows's registry. @module */
import { type Handle, openNative, WIN32, wide } from "./native.ts";

/** Of winreg.h. */
const LOCAL_MACHINE = 0x8000_0002n;
const SET_VALUE = 0x2;
const ALL_64_BIT = 0xf_013f;
const TEXT = 1;
const NUMBER = 4;
const TEXTS = 7;

type Value = string | number | readonly string[];

export interface Registry {
  /** Makes the key where it is missing. @throws {AgentError} */
  set(key: string, values: Readonly<Record<string, Value>>): void;
  /** With all below it; nothing, where it is missing. @throws {AgentError} */
  removeKey(key: string): void;
  /** @throws {AgentError} */
  removeValue(key: string, name: string): void;
}

/** @throws {AddOnError} in the executable */
export async function openRegistry(): Promise<Registry> {
  const { bind, fault } = await openNative();
  const create = bind(
    "advapi32",
    "uint32_t RegCreateKeyExW(uintptr_t root, str16 key, uint32_t reserved, void *class, uint32_t options, uint32_t access, void *security, _Out_ void **handle, void *made)",
  );
  const setValue = bind(
    "advapi32",
    "uint32_t RegSetValueExW(void *key, str16 name, uint32_t reserved, uint32_t type, const uint8_t *data, uint32_t bytes)",
  );
  const close = bind("advapi32", "uint32_t RegCloseKey(void *key)");
  const removeTree = bind("advapi32", "uint32_t RegDeleteTreeW(uintptr_t root, str16 key)");
  const removeValue = bind(
    "advapi32",
    "uint32_t RegDeleteKeyValueW(uintptr_t root, str16 key, str16 name)",
  );
  const refuse = (step: string, error: unknown, allowed: readonly number[] = []): void => {
    const code = Number(error);
    if (code !== 0 && !allowed.includes(code)) throw fault(step, code);
  };
  const missing = [WIN32.fileNotFound, WIN32.pathNotFound];
  return {
    set(key, values) {
      const handle: [Handle] = [null];
      const access = SET_VALUE | ALL_64_BIT;
      refuse("makeKey", create(LOCAL_MACHINE, key, 0, null, 0, access, null, handle, null));
      try {
        for (const [name, value] of Object.entries(values)) {
          const [type, data] = encoded(value);
          refuse("setValue", setValue(handle[0], name, 0, type, data, data.length));
        }
      } finally {
        close(handle[0]);
      }
    },
    removeKey: (key) => refuse("removeKey", removeTree(LOCAL_MACHINE, key), missing),
    removeValue: (key, name) =>
      refuse("removeValue", removeValue(LOCAL_MACHINE, key, name), missing),
  };
}

function encoded(value: Value): readonly [type: number, data: Buffer] {
  if (typeof value === "string") return [TEXT, wide(value)];
  if (typeof value === "object") return [TEXTS, Buffer.concat([...value.map(wide), wide("")])];
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return [NUMBER, bytes];
}
