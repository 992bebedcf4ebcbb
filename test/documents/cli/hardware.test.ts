/** A key that never leaves its token signs through PKCS#11 (SoftHSM, in the place of a smart card). */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, globSync, mkdirSync } from "node:fs";
import { test } from "node:test";
import { verifyApproval } from "#documents/approval-rules.ts";
import { readPublicKey } from "#documents/cli/keys.ts";
import { keyIdOf } from "#documents/public-key.ts";
import { RECIPIENT } from "#test/support/signed-documents.ts";
import { configYaml, SigningDesk, trustYaml } from "#test/support/signing-desk.ts";

const [MODULE = ""] = globSync("/usr/lib/{softhsm,*/softhsm}/libsofthsm2.so");
const PIN = "5678";
const has = (...command: readonly string[]): boolean =>
  spawnSync(command[0] ?? "", command.slice(1)).error === undefined;
const missing = [
  ...(MODULE === "" || !has("softhsm2-util", "--version") ? ["softhsm2"] : []),
  ...(has("pkcs11-tool", "--help") ? [] : ["opensc"]),
];
const hasPython = spawnSync("/usr/bin/python3", ["-c", "import PyKCS11"]).status === 0;
const without = (names: readonly string[]): string | false =>
  names.length === 0 ? false : `${names.join(" and ")} missing: nothing was signed through PKCS#11`;

/** A desk with a token on it that has made a key: `token.pub.pem` is its public half. */
async function deskWithToken(): Promise<{ desk: SigningDesk; pkcs11: Run; python: Run }> {
  const desk = await SigningDesk.open();
  mkdirSync(desk.path("tokens"));
  desk.write("softhsm2.conf", `directories.tokendir = ${desk.path("tokens")}\nlog.level = ERROR\n`);
  const env = { ...process.env, SOFTHSM2_CONF: desk.path("softhsm2.conf") };
  const run = (program: string, args: readonly string[]): void => {
    const ran = spawnSync(program, args, { cwd: desk.folder, encoding: "utf8", env });
    assert.equal(ran.status, 0, `${program} ${args.join(" ")}: ${ran.stdout}${ran.stderr}`);
  };
  const pkcs11: Run = (...args) =>
    run("pkcs11-tool", ["--module", MODULE, "--login", "--pin", PIN, "--id", "01", ...args]);
  const init = ["--init-token", "--free", "--label", "erika", "--so-pin", "1234", "--pin", PIN];
  run("softhsm2-util", init);
  pkcs11("--keypairgen", "--key-type", "EC:edwards25519", "--label", "erika");
  pkcs11("--read-object", "--type", "pubkey", "--output-file", "token.pub.pem");
  return { desk, pkcs11, python: (...args) => run("/usr/bin/python3", args) };
}
type Run = (...args: readonly string[]) => void;

test("[VA1] an approval is signed by a token: pkcs11-tool signs what pae wrote", {
  skip: without(missing),
}, async () => {
  const { desk, pkcs11 } = await deskWithToken();
  using _desk = desk;
  desk.write("config.yaml", configYaml());
  await desk.sign("config", "config.yaml", "--out", "c.json");
  await desk.sign("approval", "c.json", "--approver", "Erika Mustermann", "--out", "a.json");
  await desk.sign("pae", "a.json", "--out", "pae.bin");
  pkcs11("--sign", "--mechanism", "EDDSA", "--input-file", "pae.bin", "--output-file", "sig.bin");
  await desk.sign("attach", "a.json", "--public-key", "token.pub.pem", "--signature", "sig.bin");
  const raw = readPublicKey(desk.path("token.pub.pem"));
  const hospital = { keys: new Map([[keyIdOf(raw), raw]]), threshold: 1 };
  assert.equal(verifyApproval(desk.read("a.json"), hospital, RECIPIENT).kind, "verified");
  assert.ok(!existsSync(desk.path("erika.key.pem")), "there is no private key in a file");
});

/** What pkcs11-tool of OpenSC 0.23 cannot: it gives a token no more than 1,024 bytes to sign. */
const SIGN_PY = `
import sys, PyKCS11
module, pin, source, target = sys.argv[1:]
library = PyKCS11.PyKCS11Lib()
library.load(module)
session = library.openSession(library.getSlotList(tokenPresent=True)[0])
session.login(pin)
[key] = session.findObjects([(PyKCS11.CKA_CLASS, PyKCS11.CKO_PRIVATE_KEY), (PyKCS11.CKA_ID, (1,))])
eddsa = PyKCS11.Mechanism(PyKCS11.CKM_EDDSA, None)
open(target, "wb").write(bytes(session.sign(key, open(source, "rb").read(), eddsa)))
`;

test("a trust document, which is larger, is signed by a token through PyKCS11", {
  skip: without([...missing, ...(hasPython ? [] : ["python3-pykcs11"])]),
}, async () => {
  const { desk, python } = await deskWithToken();
  using _desk = desk;
  const raw = readPublicKey(desk.path("token.pub.pem"));
  // The token's key in the place of the second of three.
  const keys = trustYaml().replace(
    /(trust: \{ threshold: 2, keys: \['\w+', )'\w+'/,
    "$1token.pub.pem",
  );
  desk.write("trust.yaml", keys);
  desk.write(
    "anchor.yaml",
    /trust: \{ (threshold: 2), (keys: .*?) \}/.exec(keys)?.slice(1).join("\n") ?? "",
  );
  await desk.sign("trust", "trust.yaml", "--out", "t.json", "--key", "trust1.key.pem");
  await desk.sign("pae", "t.json", "--out", "pae.bin");
  desk.write("sign.py", SIGN_PY);
  python("sign.py", MODULE, PIN, "pae.bin", "sig.bin");
  await desk.sign("attach", "t.json", "--public-key", "token.pub.pem", "--signature", "sig.bin");
  const shown = await desk.sign("verify", "t.json", "--keys", "anchor.yaml");
  assert.match(shown, new RegExp(`signed by +${keyIdOf(raw)}$`, "m"));
});
