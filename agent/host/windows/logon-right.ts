/** The right to run as a service, which an account other than the service's own needs (09 SV15). @module */
import { type Handle, openNative, wide } from "./native.ts";

const RIGHT = "SeServiceLogonRight";
/** POLICY_CREATE_ACCOUNT and POLICY_LOOKUP_NAMES. */
const ACCESS = 0x810;
/** LSA_OBJECT_ATTRIBUTES, of which nothing is used. */
const ATTRIBUTES_BYTES = 48;

/** @param sid of the account, as text @throws {AgentError} */
export async function grantServiceLogon(sid: string): Promise<void> {
  const { bind, fault, koffi } = await openNative();
  const winError = bind("advapi32", "uint32_t LsaNtStatusToWinError(int32_t status)");
  const refuse = (step: string, status: unknown): void => {
    if (status !== 0) throw fault(step, Number(winError(status)));
  };
  const parse = bind("advapi32", "int ConvertStringSidToSidW(str16 text, _Out_ void **sid)");
  const made: [Handle] = [null];
  if (parse(sid, made) === 0) throw fault("readSid");
  const open = bind(
    "advapi32",
    "int32_t LsaOpenPolicy(void *system, void *attributes, uint32_t access, _Out_ void **policy)",
  );
  const policy: [Handle] = [null];
  refuse("openPolicy", open(null, Buffer.alloc(ATTRIBUTES_BYTES), ACCESS, policy));
  const text = wide(RIGHT);
  // LSA_UNICODE_STRING: its length without, and with, its end.
  const right = Buffer.alloc(16);
  right.writeUInt16LE(text.length - 2, 0);
  right.writeUInt16LE(text.length, 2);
  right.writeBigUInt64LE(koffi.address(text), 8);
  const add = bind(
    "advapi32",
    "int32_t LsaAddAccountRights(void *policy, void *sid, void *rights, uint32_t count)",
  );
  const status = add(policy[0], made[0], right, 1);
  bind("advapi32", "int32_t LsaClose(void *policy)")(policy[0]);
  bind("kernel32", "void *LocalFree(void *memory)")(made[0]);
  refuse("grantServiceLogon", status);
}
