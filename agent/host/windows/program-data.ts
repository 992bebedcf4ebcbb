/** The folder for what belongs to no person. Not `%ProgramData%`: that is whatever the caller's environment says. @module */
import { openNative } from "./native.ts";

/** CSIDL_COMMON_APPDATA. */
const COMMON_DATA = 0x23;
/** The part of an HRESULT that is an error's number. */
const CODE = 0xffff;
/** MAX_PATH, in two bytes each. */
const PATH_BYTES = 520;

/** @throws {AgentError} */
export async function programData(): Promise<string> {
  const { bind, fault } = await openNative();
  const get = bind(
    "shell32",
    "int32_t SHGetFolderPathW(void *window, int folder, void *token, uint32_t flags, void *path)",
  );
  const path = Buffer.alloc(PATH_BYTES);
  const result = Number(get(null, COMMON_DATA, null, 0, path));
  if (result !== 0) throw fault("programData", result & CODE);
  return path.toString("utf16le").split("\0", 1)[0] ?? "";
}
