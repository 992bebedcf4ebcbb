/** Folders with an access list from their first moment, and what the list of a file says (09 SV16). @module */
import { win32 } from "node:path";
import { AgentError, identifierFrom } from "../../errors.ts";
import { accessFlaw, type Expected } from "./access-list.ts";
import { type Call, type Handle, type Native, openNative, WIN32 } from "./native.ts";

/** Of winnt.h and accctrl.h. */
const REPARSE_POINT = 0x400;
const NO_ATTRIBUTES = 0xffff_ffff;
const FILE_OBJECT = 1;
const OWNER_AND_LIST = 0x5;
const OWNER_LIST_PROTECTED = 0x8000_0005;
const LIST_PROTECTED = 0x8000_0004;
/** WRITE_DAC, and to wait for it. */
const WRITE_LIST = 0x14_0000;
const SHARE_ALL = 0x3;
const OPEN_EXISTING = 3;
const INVALID_HANDLE = -1;
const SDDL_REVISION = 1;
const SID_MAX_BYTES = 68;
const DOMAIN_MAX = 256;
const ADMINISTRATORS = "S-1-5-32-544";
const TOKEN_QUERY = 0x8;
const TOKEN_USER = 1;
const TOKEN_USER_MAX_BYTES = 128;

export interface Security {
  /**
   * Makes a folder with its final access list in one call; one that is there gets that list, and all below it.
   *
   * @throws {AgentError} `FOLDER_UNFIT` if a link leads there or another account owns it
   */
  makeFolder(path: string, sddl: string, owners: readonly string[]): void;
  /** Of a pipe that this process has opened, and of all its instances. @throws {AgentError} */
  guardPipe(path: string, sddl: string): void;
  /** @throws {AgentError} `ACCESS_LIST_UNFIT` */
  judge(path: string, what: string, expected: Expected): void;
  /** @returns owner and access list as SDDL @throws {AgentError} */
  describe(path: string): string;
  /** @param account such as `CORP\svc-holdfast$` @throws {AgentError} if nobody knows it */
  sidOf(account: string): string;
  /** That of this process. */
  ownSid(): string;
  /** Whether this process has the rights of the group Administrators. */
  isAdministrator(): boolean;
}

/** @throws {AddOnError} in the executable */
export async function openSecurity(): Promise<Security> {
  return new Calls(await openNative());
}

class Calls implements Security {
  readonly #native: Native;
  readonly #attributes: Call;

  constructor(native: Native) {
    this.#native = native;
    this.#attributes = native.bind("kernel32", "uint32_t GetFileAttributesW(str16 path)");
  }

  makeFolder(path: string, sddl: string, owners: readonly string[]): void {
    const { bind, lastError, fault } = this.#native;
    for (const above of aboveAndSelf(path)) this.#refuseLink(above);
    this.#withDescriptor(sddl, (descriptor) => {
      const attributes = Buffer.alloc(24);
      attributes.writeUInt32LE(attributes.length);
      attributes.writeBigUInt64LE(descriptor, 8);
      const create = bind("kernel32", "int CreateDirectoryW(str16 path, void *attributes)");
      if (create(path, attributes) !== 0) return;
      if (lastError() !== WIN32.alreadyExists) throw fault("makeFolder");
      this.#refuseLink(path);
      const expected = { writers: owners, isPublic: true };
      if (accessFlaw(this.describe(path), expected) === "owner") throw unfit("owner");
      this.#replaceList(path, descriptor);
    });
  }

  guardPipe(path: string, sddl: string): void {
    const { bind, fault } = this.#native;
    const open = bind(
      "kernel32",
      "intptr_t CreateFileW(str16 path, uint32_t access, uint32_t share, void *security, uint32_t how, uint32_t flags, void *template)",
    );
    // It is a client of the pipe for so long.
    const pipe = Number(open(path, WRITE_LIST, SHARE_ALL, null, OPEN_EXISTING, 0, null));
    if (pipe === INVALID_HANDLE) throw fault("openPipe");
    try {
      this.#withDescriptor(sddl, (descriptor) => {
        const set = bind(
          "advapi32",
          "int SetKernelObjectSecurity(intptr_t handle, uint32_t what, void *descriptor)",
        );
        if (set(pipe, LIST_PROTECTED, descriptor) === 0) throw fault("setAccessList");
      });
    } finally {
      bind("kernel32", "int CloseHandle(intptr_t handle)")(pipe);
    }
  }

  judge(path: string, what: string, expected: Expected): void {
    const flaw = accessFlaw(this.describe(path), expected);
    if (flaw === undefined) return;
    const facts = { what: identifierFrom(what), flaw: identifierFrom(flaw) };
    throw new AgentError("ACCESS_LIST_UNFIT", facts);
  }

  describe(path: string): string {
    const { bind, fault, koffi } = this.#native;
    const get = bind(
      "advapi32",
      "uint32_t GetNamedSecurityInfoW(str16 name, int type, uint32_t what, void *owner, void *group, void *list, void *audit, _Out_ void **descriptor)",
    );
    const found: [Handle] = [null];
    const error = Number(get(path, FILE_OBJECT, OWNER_AND_LIST, null, null, null, null, found));
    if (error !== 0) throw fault("readAccessList", error);
    const toText = bind(
      "advapi32",
      "int ConvertSecurityDescriptorToStringSecurityDescriptorW(void *descriptor, uint32_t revision, uint32_t what, _Out_ void **text, void *length)",
    );
    const text: [Handle] = [null];
    const isDone = toText(found[0], SDDL_REVISION, OWNER_AND_LIST, text, null) !== 0;
    this.#free(found[0]);
    if (!isDone) throw fault("describeAccessList");
    const sddl = koffi.decode.string16(text[0]);
    this.#free(text[0]);
    return sddl;
  }

  sidOf(account: string): string {
    const { bind, fault } = this.#native;
    const lookUp = bind(
      "advapi32",
      "int LookupAccountNameW(str16 system, str16 account, void *sid, uint32_t *sidBytes, void *domain, uint32_t *domainLength, uint32_t *use)",
    );
    const sid = Buffer.alloc(SID_MAX_BYTES);
    const domain = Buffer.alloc(DOMAIN_MAX * 2);
    const isFound = lookUp(
      null,
      account,
      sid,
      new Uint32Array([sid.length]),
      domain,
      new Uint32Array([DOMAIN_MAX]),
      new Uint32Array(1),
    );
    if (isFound === 0) throw fault("findAccount");
    return sidText(sid);
  }

  ownSid(): string {
    const { bind, fault, koffi } = this.#native;
    const self = bind("kernel32", "intptr_t GetCurrentProcess()")();
    const open = bind(
      "advapi32",
      "int OpenProcessToken(intptr_t process, uint32_t access, _Out_ void **token)",
    );
    const token: [Handle] = [null];
    if (open(self, TOKEN_QUERY, token) === 0) throw fault("openToken");
    const read = bind(
      "advapi32",
      "int GetTokenInformation(void *token, int what, void *into, uint32_t bytes, uint32_t *needed)",
    );
    const user = Buffer.alloc(TOKEN_USER_MAX_BYTES);
    const isRead = read(token[0], TOKEN_USER, user, user.length, new Uint32Array(1)) !== 0;
    bind("kernel32", "int CloseHandle(void *handle)")(token[0]);
    if (!isRead) throw fault("readToken");
    const at = Number(user.readBigUInt64LE() - koffi.address(user));
    return sidText(user.subarray(at));
  }

  isAdministrator(): boolean {
    const { bind, fault } = this.#native;
    const parse = bind("advapi32", "int ConvertStringSidToSidW(str16 text, _Out_ void **sid)");
    const sid: [Handle] = [null];
    if (parse(ADMINISTRATORS, sid) === 0) throw fault("readSid");
    const check = bind(
      "advapi32",
      "int CheckTokenMembership(void *token, void *sid, _Out_ int *isMember)",
    );
    const isMember = [0];
    const isDone = check(null, sid[0], isMember) !== 0;
    this.#free(sid[0]);
    if (!isDone) throw fault("checkMembership");
    return isMember[0] !== 0;
  }

  #refuseLink(path: string): void {
    const attributes = Number(this.#attributes(path));
    if (attributes !== NO_ATTRIBUTES && (attributes & REPARSE_POINT) !== 0) throw unfit("link");
  }

  #replaceList(path: string, descriptor: bigint): void {
    const { bind, fault } = this.#native;
    const owner = this.#partOf(
      descriptor,
      "GetSecurityDescriptorOwner(void *descriptor, _Out_ void **part, void *isDefault)",
    );
    const list: [Handle] = [null];
    const get = bind(
      "advapi32",
      "int GetSecurityDescriptorDacl(void *descriptor, uint32_t *isThere, _Out_ void **list, uint32_t *isDefault)",
    );
    get(descriptor, new Uint32Array(1), list, new Uint32Array(1));
    const set = bind(
      "advapi32",
      "uint32_t SetNamedSecurityInfoW(str16 name, int type, uint32_t what, void *owner, void *group, void *list, void *audit)",
    );
    const error = Number(set(path, FILE_OBJECT, OWNER_LIST_PROTECTED, owner, null, list[0], null));
    if (error !== 0) throw fault("setAccessList", error);
    // That one reaches what lies below, too; this one leaves the folder with exactly this list (wine's adds the parent's).
    const setOwn = bind(
      "advapi32",
      "int SetFileSecurityW(str16 path, uint32_t what, void *descriptor)",
    );
    if (setOwn(path, OWNER_LIST_PROTECTED, descriptor) === 0) throw fault("setAccessList");
  }

  #partOf(descriptor: bigint, declaration: string): Handle {
    const part: [Handle] = [null];
    this.#native.bind("advapi32", `int ${declaration}`)(descriptor, part, new Uint32Array(1));
    return part[0];
  }

  #withDescriptor(sddl: string, act: (descriptor: bigint) => void): void {
    const { bind, fault } = this.#native;
    const parse = bind(
      "advapi32",
      "int ConvertStringSecurityDescriptorToSecurityDescriptorW(str16 text, uint32_t revision, _Out_ void **descriptor, void *bytes)",
    );
    const made: [Handle] = [null];
    if (parse(sddl, SDDL_REVISION, made, null) === 0) throw fault("readSecurity");
    try {
      if (made[0] !== null) act(made[0]);
    } finally {
      this.#free(made[0]);
    }
  }

  #free(memory: Handle): void {
    this.#native.bind("kernel32", "void *LocalFree(void *memory)")(memory);
  }
}

const unfit = (flaw: string): AgentError =>
  new AgentError("FOLDER_UNFIT", { flaw: identifierFrom(flaw) });

function aboveAndSelf(path: string): string[] {
  const above = win32.dirname(path);
  return above === path ? [] : [...aboveAndSelf(above), path];
}

/** [MS-DTYP] 2.4.2.2. */
function sidText(sid: Uint8Array): string {
  const view = Buffer.from(sid.buffer, sid.byteOffset, sid.byteLength);
  const count = view.readUInt8(1);
  const parts = Array.from({ length: count }, (_, index) => view.readUInt32LE(8 + index * 4));
  return ["S", view.readUInt8(0), view.readUIntBE(2, 6), ...parts].join("-");
}
