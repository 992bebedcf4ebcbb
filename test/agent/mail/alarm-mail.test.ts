import assert from "node:assert/strict";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { PlainFacts } from "#agent/health/alarm-step.ts";
import type { NumberedEvent } from "#agent/health/alarms.ts";
import type { ConditionName } from "#agent/health/catalogue.ts";
import { Conditions } from "#agent/health/conditions.ts";
import { silentLog } from "#agent/host/silent-log.ts";
import { AlarmMail, type AlarmMailOptions, type Mail } from "#agent/mail/alarm-mail.ts";
import { alarmText } from "#agent/mail/alarm-text.ts";
import { type MailSettings, mailServer } from "#agent/mail/mail-server.ts";
import { ManualClock } from "#test/support/clocks.ts";
import { MailHub, type MailHubOptions } from "#test/support/mail-hub.ts";
import { until } from "#test/support/processes.ts";
import { SiemFiles } from "#test/support/siem.ts";

const MINUTE_MS = 60_000;
const MAIL: Mail = { subject: "s", text: "t", messageId: "<1@h>" };

/** Events of alarms that a test opens and closes. */
class PlayedAlarms {
  readonly formerNumber = 0;
  readonly events: NumberedEvent[] = [];
  readonly #listeners: (() => void)[] = [];

  add(event: "opened" | "closed", code: ConditionName, subject = "", facts: PlainFacts = {}): void {
    const alarm = { id: `${code}/${subject}/1`, code, subject, sinceMs: 1, facts };
    this.events.push({ event, atMs: 2, number: this.events.length + 1, alarm });
    for (const listener of this.#listeners) listener();
  }

  onEvents(listener: () => void): void {
    this.#listeners.push(listener);
  }

  after(number: number, limit: number): readonly NumberedEvent[] {
    return this.events.filter((one) => one.number > number).slice(0, limit);
  }
}

function mailer(more: Partial<AlarmMailOptions> = {}) {
  const [alarms, clock, conditions] = [new PlayedAlarms(), new ManualClock(), new Conditions()];
  const mails: Mail[] = [];
  const marks: number[] = [];
  const state = { isDown: false };
  const mail = new AlarmMail({
    ...{ alarms, clock, conditions, log: silentLog, least: "warning", host: "gw1", store: "ab" },
    position: undefined,
    send: (one) => {
      if (state.isDown) return Promise.reject(Object.assign(new Error(), { code: "ECONNECTION" }));
      return Promise.resolve(void mails.push(one));
    },
    reached: (number) => Promise.resolve(void marks.push(number)),
    ...more,
  });
  const passes = async (ms: number): Promise<void> => {
    clock.advance(ms);
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  };
  return { mail, alarms, conditions, clock, mails, marks, state, passes };
}

describe("alarms by mail", () => {
  test("[PL9] one mail for an opening, one for its close, and one for a burst of forty", async () => {
    const { mail, alarms, mails, marks, passes } = mailer();
    await using _ = mail;
    alarms.add("opened", "tunnelDown");
    await passes(10_000);
    alarms.add("closed", "tunnelDown");
    await passes(10_000);
    for (let index = 0; index < 40; index++) alarms.add("opened", "listenerClosed", `c${index}`);
    await passes(10_000);
    await passes(10 * MINUTE_MS);
    assert.deepEqual(
      mails.map(({ subject }) => subject),
      [
        "[Holdfast gw1] warning: tunnelDown",
        "[Holdfast gw1] over: tunnelDown",
        "[Holdfast gw1] critical: listenerClosed (c0) and 39 more",
      ],
    );
    assert.equal(mails[2]?.text.match(/^critical: listenerClosed \(c\d+\)/gm)?.length, 40);
    assert.deepEqual(marks, [1, 2, 42]);
  });

  test("[PL9] while the server is away nothing is lost, it is tried ever later, and one mail tells all", async () => {
    const { mail, alarms, conditions, mails, state, passes } = mailer();
    await using _ = mail;
    state.isDown = true;
    alarms.add("opened", "diskLow");
    await passes(10_000);
    assert.deepEqual(
      conditions.list().map(({ condition, facts }) => [condition, facts]),
      [["mailFailing", { code: "ECONNECTION" }]],
    );
    alarms.add("opened", "storeFailing");
    await passes(MINUTE_MS);
    state.isDown = false;
    await passes(MINUTE_MS);
    assert.equal(mails.length, 0, "it waits two minutes by now");
    await passes(MINUTE_MS);
    assert.deepEqual(
      mails.map(({ subject }) => subject),
      ["[Holdfast gw1] critical: diskLow and 1 more"],
    );
    assert.deepEqual(conditions.list(), []);
  });

  test("[PL9] the next run goes on behind what was mailed, and a repeat has the same Message-ID", async () => {
    const first = mailer({ reached: () => Promise.reject(new Error("the store is away")) });
    first.alarms.add("opened", "diskLow");
    await first.passes(10_000);
    await first.mail[Symbol.asyncDispose]();
    const again = mailer();
    again.alarms.add("opened", "diskLow");
    await again.passes(10_000);
    assert.equal(again.mails[0]?.messageId, first.mails[0]?.messageId);
    await again.mail[Symbol.asyncDispose]();
    const behind = mailer({ position: 1 });
    behind.alarms.add("opened", "diskLow");
    await behind.passes(MINUTE_MS);
    assert.deepEqual(behind.mails, []);
    await behind.mail[Symbol.asyncDispose]();
  });

  test("[PL9] what is less grave than asked for is not mailed, and is left behind", async () => {
    const { mail, alarms, mails, marks, passes } = mailer({ least: "critical" });
    await using _ = mail;
    alarms.add("opened", "tunnelDown");
    await passes(10_000);
    assert.deepEqual([mails, marks], [[], [1]]);
  });

  test("[PL9] a mail tells codes, channels and what to do, and never a fact", () => {
    const alarms = new PlayedAlarms();
    const facts = { peer: "10.2.3.4", name: "DOE^JANE", controlId: "MRN4711" };
    alarms.add("opened", "peerRefused", "adt", facts);
    for (let index = 0; index < 150; index++) alarms.add("closed", "diskLow");
    const { subject, text } = alarmText(alarms.events.slice(0, 1), "gw1");
    assert.equal(subject, "[Holdfast gw1] warning: peerRefused (adt)");
    assert.match(text, /For integration: docs\/runbooks\/peer-refused\.md/);
    assert.doesNotMatch(text, /10\.2\.3\.4|DOE|MRN4711/);
    assert.match(alarmText(alarms.events, "gw1").text, /^51 earlier events are not shown/);
  });
});

describe("the mail server of a hospital", () => {
  async function site(options: Omit<MailHubOptions, "identity"> = {}, host = "127.0.0.1") {
    const files = await SiemFiles.make(host);
    const hub = await MailHub.open({ identity: files.server, ...options });
    const settings: MailSettings = {
      ...{ host: "127.0.0.1", port: hub.port, tls: "starttls", caFile: files.ca },
      ...{ from: "gateway@clinic.example", to: ["it@clinic.example", "lab@clinic.example"] },
    };
    const passwordFile = join(files.folder, "password");
    writeFileSync(passwordFile, "open sesame\n", { mode: 0o600 });
    const login = { user: "gateway", passwordFile };
    const stack = new AsyncDisposableStack();
    stack.use(hub);
    stack.use(files);
    return { hub, settings, login, [Symbol.asyncDispose]: () => stack.disposeAsync() };
  }

  const codeOf = async (send: Promise<void>): Promise<string> =>
    send.then(
      () => "sent",
      (error: { code?: string }) => error.code ?? "none",
    );

  test("[PL9] takes a mail by STARTTLS, with a login from a file, for every recipient", async () => {
    await using one = await site({ login: { user: "gateway", password: "open sesame" } });
    await mailServer({ ...one.settings, ...one.login })({ ...MAIL, subject: "[Holdfast gw1] x" });
    const [taken] = one.hub.mails;
    assert.deepEqual(
      [taken?.from, taken?.to, taken?.isSecure, taken?.user],
      ["gateway@clinic.example", ["it@clinic.example", "lab@clinic.example"], true, "gateway"],
    );
    assert.match(taken?.source ?? "", /^Subject: \[Holdfast gw1\] x\r?$/m);
    assert.match(taken?.source ?? "", /^Auto-Submitted: auto-generated\r?$/m);
    const wrong = await site({ login: { user: "gateway", password: "another" } });
    await using _ = wrong;
    assert.equal(await codeOf(mailServer({ ...wrong.settings, ...wrong.login })(MAIL)), "EAUTH");
    assert.equal(wrong.hub.mails.length, 0);
  });

  test("[PL9] takes a mail by TLS from the first byte, and in clear only where that was said", async () => {
    await using implicit = await site({ isImplicit: true });
    await mailServer({ ...implicit.settings, tls: "implicit" })(MAIL);
    assert.equal(implicit.hub.mails[0]?.isSecure, true);
    await using plain = await site({ isPlain: true });
    assert.equal(await codeOf(mailServer(plain.settings)(MAIL)), "ETLS");
    assert.equal(
      plain.hub.mails.length,
      0,
      "STARTTLS was taken away, and nothing was said in clear",
    );
    await mailServer({ ...plain.settings, tls: "none" })(MAIL);
    assert.equal(plain.hub.mails[0]?.isSecure, false);
  });

  test("[PL9] a server of another CA, or another name, gets nothing", async () => {
    await using one = await site();
    await using other = await site();
    const strange = mailServer({ ...one.settings, caFile: other.settings.caFile });
    assert.notEqual(await codeOf(strange(MAIL)), "sent");
    await using named = await site({}, "mail.clinic.example");
    assert.notEqual(await codeOf(mailServer(named.settings)(MAIL)), "sent");
    assert.deepEqual([one.hub.mails, named.hub.mails], [[], []]);
  });

  test("[PL9] a password that others can read, or that is none, is not used", async () => {
    await using one = await site({ login: { user: "gateway", password: "open sesame" } });
    const send = () => codeOf(mailServer({ ...one.settings, ...one.login })(MAIL));
    chmodSync(one.login.passwordFile, 0o644);
    assert.equal(await send(), "MAIL_CREDENTIALS");
    chmodSync(one.login.passwordFile, 0o600);
    writeFileSync(one.login.passwordFile, "two\nlines\n");
    assert.equal(await send(), "MAIL_CREDENTIALS");
    writeFileSync(one.login.passwordFile, "open sesame");
    assert.equal(await send(), "sent");
    await until("it has it", () => Promise.resolve(one.hub.mails.length === 1));
  });
});
