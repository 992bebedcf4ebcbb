/** `holdfast enroll` and `holdfast identity …`, as a person at the hospital calls them. @module */
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import {
  chmodSync,
  existsSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { enroll } from "#agent/cli/enroll.ts";
import { AgentError, identifierFrom } from "#agent/errors.ts";
import { importP12 } from "#agent/identity/import.ts";
import { remedyFor } from "#agent/tunnel/refusal-reasons.ts";
import { ENROLL_REFUSALS } from "#certs/exchange.ts";
import { DEFAULT_KEK_FILE } from "#config/local.ts";
import { DoorReceiver } from "#test/support/door-receiver.ts";
import { EnrollingMachine } from "#test/support/enrolling-machine.ts";
import { exportP12 } from "#test/support/p12-files.ts";
import { until } from "#test/support/processes.ts";

describe("holdfast enroll", () => {
  test("[EN1, EN9] from a token to an identity in use; the token is gone, and show tells what is there", async () => {
    await using doors = await DoorReceiver.open();
    using machine = new EnrollingMachine(doors.url);
    const { code, out, errors } = await machine.enroll(doors.token());
    assert.equal(code, 0, errors);
    assert.match(out, /Enrolled as agent ward-1 of tenant north/);
    assert.match(out, /trust document 1 of 2026-01-01T00:00:00Z\n {2}[0-9a-f]{64}/);
    assert.match(out, /The receiver takes the certificate\. The token is used up\./);
    assert.equal(existsSync(machine.token), false);
    const shown = JSON.parse((await machine.run("identity", "show", "--json")).out);
    assert.equal(shown.current.serial, doors.agents.get("ward-1")?.current);
    assert.deepEqual([shown.current.generation, shown.running], [1, undefined]);
  });

  test("[R06] a machine whose key was never made is told to make it, by enroll and by run; one that was in use, to put it back", async () => {
    await using doors = await DoorReceiver.open();
    using machine = new EnrollingMachine(doors.url);
    const kek = join(machine.path, DEFAULT_KEK_FILE);
    rmSync(kek);
    for (const _try of ["first", "again"]) {
      const { code, errors } = await machine.enroll(doors.token());
      assert.deepEqual([code, /KEK_NOT_MADE/.test(errors)], [78, true], errors);
      assert.match(errors, /holdfast init --key makes it/);
    }
    assert.equal((await machine.run("init", "--key")).code, 0);
    assert.equal((await machine.enroll(doors.token())).code, 0);
    rmSync(kek);
    const { code, errors } = await machine.run("run");
    assert.equal(code, 78);
    assert.match(errors, /KEK_MISSING.*Put it back/s);
    assert.equal((await machine.run("init", "--key")).code, 78);
    assert.equal(existsSync(kek), false);
  });

  test("[EN1] what is wrong with a token is said before anything is done", async () => {
    await using doors = await DoorReceiver.open();
    using machine = new EnrollingMachine(doors.url);
    const { config, token: tokenFile, anchor } = machine;
    const common = {
      config,
      json: true,
      credentials: undefined,
      stop: new Promise<void>(() => {}),
    };
    const refuses = (code: string, exit: number, change: object = {}, facts?: object) =>
      assert.rejects(enroll({ ...common, tokenFile, anchor, ...change }), {
        ...{ code, exit },
        ...(facts === undefined ? {} : { facts }),
      });
    const put = (text: string): void => writeFileSync(tokenFile, text, { mode: 0o600 });
    put(doors.token().slice(0, -3));
    await refuses("TOKEN_MISTYPED", 65);
    put("");
    await refuses("TOKEN_MISTYPED", 65);
    put(doors.token("ward-1", { url: "https://gateway.example.org" }));
    await refuses("TOKEN_OTHER_HOST", 78);
    put(doors.token());
    chmodSync(tokenFile, 0o644);
    await refuses("TOKEN_EXPOSED", 77, {}, { mode: "0644" });
    chmodSync(tokenFile, 0o600);
    await refuses("TOKEN_UNREADABLE", 65, { tokenFile: join(machine.path, "gone") });
    await refuses("ANCHOR_UNREADABLE", 65, { anchor: config });
    // No vendor's keys are in this program yet: without --anchor nothing could be believed.
    await refuses("ANCHOR_ABSENT", 69, { anchor: undefined });
    assert.deepEqual([doors.tunnels.socketCount, doors.requests], [0, []]);
    writeFileSync(
      config,
      `${machine.read("local.yaml")}identity: { certificate: a, key: b, receiverCa: c }\n`,
    );
    await refuses("IDENTITY_IMPORTED", 78);
  });

  test("[EN6] each refusal of the receiver comes with what to do", () => {
    const remedies = ENROLL_REFUSALS.filter((one) => one !== "RATE").map((reason) =>
      remedyFor(new AgentError("ENROLL_REFUSED", { code: identifierFrom(reason) })),
    );
    assert.equal(new Set(remedies).size, ENROLL_REFUSALS.length - 1);
    assert.match(remedies.join(), /if it was not you, call the vendor at once/);
  });
});

describe("holdfast run", () => {
  test("[I18] a key file that others can read, or that is a link, stops the start with 78, and is named", async () => {
    await using doors = await DoorReceiver.open();
    using machine = new EnrollingMachine(doors.url);
    assert.equal((await machine.enroll(doors.token())).code, 0);
    const slot = machine.store.current?.name ?? "";
    const key = join(machine.stateDir, "identity", slot, "tls.key");
    chmodSync(key, 0o644);
    const open = await machine.run("run");
    assert.equal(open.code, 78);
    assert.match(open.errors, new RegExp(`file=${slot}:tls\\.key, flaw=mode, mode=0644`));
    chmodSync(key, 0o400);
    renameSync(key, join(machine.path, "elsewhere"));
    symlinkSync(join(machine.path, "elsewhere"), key);
    const linked = await machine.run("run");
    assert.equal(linked.code, 78);
    assert.match(linked.errors, new RegExp(`file=${slot}:tls\\.key, flaw=link`));
  });

  test("[EN9] enrolled anew while the agent runs, it takes the new identity over without a restart", async () => {
    await using doors = await DoorReceiver.open();
    using machine = new EnrollingMachine(doors.url);
    assert.equal((await machine.enroll(doors.token())).code, 0);
    const first = doors.agents.get("ward-1")?.current;
    await using agent = machine.start("run");
    await agent.ready();
    // The enrolment's own look is the first connection.
    let connection = await doors.tunnels.connection();
    connection = await doors.tunnels.connection();
    // The test does not answer PINGs: a slow machine must not take it for silent.
    await connection.welcome({ heartbeatMs: 60_000 });
    const enrolling = machine.enroll(doors.token());
    await until("it dials anew", () => doors.tunnels.connections.length > 2, 120_000);
    const next = await doors.tunnels.connection();
    await next.welcome({ heartbeatMs: 60_000 });
    const { code, errors, out } = await enrolling;
    assert.equal(code, 0, errors);
    assert.match(out, /The token is used up/);
    const second = doors.agents.get("ward-1")?.current;
    assert.notEqual(second, first);
    assert.equal(machine.store.current?.load().serialHex, second);
    assert.equal(machine.store.prev?.load().serialHex, first);
    assert.equal((await agent.end("SIGTERM")).code, 0);
  });
});

describe("holdfast identity show", () => {
  test("[07 1.2] says what run would end with, and with its exit code: damage, rights, another or no key, a lost list", async () => {
    await using doors = await DoorReceiver.open();
    using machine = new EnrollingMachine(doors.url);
    assert.equal((await machine.enroll(doors.token())).code, 0);
    const slot = machine.store.current?.name ?? "";
    const identity = join(machine.stateDir, "identity");
    const key = join(identity, slot, "tls.key");
    const kek = join(machine.path, DEFAULT_KEK_FILE);
    const [keyBytes, kekBytes] = [readFileSync(key), readFileSync(kek)];
    const put = (file: string, bytes: Uint8Array | string): void => {
      rmSync(file, { force: true });
      writeFileSync(file, bytes, { mode: 0o400 });
    };
    const rows: readonly [code: string, text: RegExp, spoil: () => void, mend: () => void][] = [
      [
        "IDENTITY_DAMAGED",
        /current: certificate .*\n.*\n {2}CANNOT BE USED: .*\[IDENTITY_DAMAGED, file=slot-\w+:tls\.key\]/,
        () => put(key, "garbage"),
        () => put(key, keyBytes),
      ],
      [
        "IDENTITY_FOLDER_UNSAFE",
        /CANNOT BE USED: .*flaw=mode/,
        () => chmodSync(key, 0o644),
        () => chmodSync(key, 0o400),
      ],
      [
        "KEK_WRONG",
        /CANNOT BE USED/,
        () => put(kek, `${"ab".repeat(32)}\n`),
        () => put(kek, kekBytes),
      ],
      ["KEK_MISSING", /CANNOT BE USED/, () => rmSync(kek), () => put(kek, kekBytes)],
      [
        "IDENTITY_DAMAGED",
        /^$/,
        () => renameSync(join(identity, "slots.json"), join(machine.path, "slots.json")),
        () => renameSync(join(machine.path, "slots.json"), join(identity, "slots.json")),
      ],
    ];
    for (const [code, text, spoil, mend] of rows) {
      spoil();
      const shown = await machine.run("identity", "show");
      assert.equal(shown.code, 78, `${code} ${shown.out}`);
      assert.match(shown.errors, new RegExp(`\\[${code}\\]`));
      assert.match(shown.out, text);
      const ran = await machine.run("run");
      assert.deepEqual([ran.code, ran.errors.includes(`[${code}]`)], [78, true], ran.errors);
      mend();
    }
    assert.equal((await machine.run("identity", "show")).code, 0);
    // A key that only the service has is no reason for alarm.
    const yaml = machine.read("local.yaml");
    writeFileSync(machine.config, `${yaml}kek: { custody: credential }\n`);
    const shown = await machine.run("identity", "show");
    assert.deepEqual([shown.code, /the keys were not opened/.test(shown.out)], [0, true]);
  });
});

describe("holdfast identity import-p12", () => {
  test("[07 1.2, Libraries] an identity that somebody else issued is imported, and used; others are refused by name", async () => {
    await using doors = await DoorReceiver.open();
    using machine = new EnrollingMachine(doors.url);
    const { privateKey: key } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
    const names = { trustDomain: "holdfast.local", tenant: "north", agent: "ward-1" };
    const certificatePem = await doors.authority.issue(key, names);
    const file = (name: string): string => join(machine.path, name);
    const receiverCaPem = doors.caPem;
    writeFileSync(file("agent.p12"), exportP12({ key, certificatePem }, "secret"));
    writeFileSync(file("password"), "secret\n");
    writeFileSync(file("ca.pem"), doors.caPem);
    const imported = (p12: string, password: string) =>
      machine.run(
        ...["identity", "import-p12", file(p12), "--password-file", file(password)],
        ...["--receiver-ca", file("ca.pem"), "--json"],
      );
    for (const [p12File, passwordFile, said] of [
      ["gone.p12", "password", /part=p12, sysCode=ENOENT/],
      ["agent.p12", "gone", /part=password, sysCode=ENOENT/],
    ] as const) {
      const { code, errors } = await imported(p12File, passwordFile);
      assert.deepEqual([code, said.test(errors)], [65, true], errors);
    }
    chmodSync(file("password"), 0o640);
    const exposed = await imported("agent.p12", "password");
    assert.deepEqual(
      [exposed.code, /mode=0640.*\[P12_PASSWORD_EXPOSED/.test(exposed.errors)],
      [77, true],
    );
    chmodSync(file("password"), 0o600);
    const { store } = machine;
    const p12 = exportP12({ key, certificatePem }, "secret");
    assert.throws(() => importP12({ p12, password: "other", receiverCaPem, store }), {
      ...{ code: "P12_UNREADABLE", facts: { part: "p12" } },
    });
    const notAfter = new Date(Date.now() + 400 * 86_400_000);
    const long = await doors.authority.issue(key, { ...names, notAfter });
    const tooLong = exportP12({ key, certificatePem: long }, "secret");
    assert.throws(() => importP12({ p12: tooLong, password: "secret", receiverCaPem, store }), {
      code: "P12_UNFIT",
      facts: { flaw: "profile.validity" },
    });
    assert.equal(store.enrolled, undefined);
    // The small receiver lets nobody in that it did not enrol: it waits to be used.
    const { code, out } = await imported("agent.p12", "password");
    assert.equal(code, 0);
    assert.equal(JSON.parse(out).isWelcomed, false);
    const identity = machine.store.next?.load();
    assert.equal(identity?.keys.device, undefined);
    assert.ok(identity?.keys.tls.equals(key));
    assert.doesNotMatch(machine.said, /secret/);
    await using agent = machine.start("run");
    await agent.ready();
    const renewed = await machine.run("identity", "renew");
    assert.match(renewed.errors, /RENEWAL_IMPOSSIBLE/);
    assert.equal((await agent.end("SIGTERM")).code, 0);
  });
});
