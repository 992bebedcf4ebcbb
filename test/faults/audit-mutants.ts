/** Defects of the audit, trust state, marks, heads and the SIEM (07 2.12, 08 6), each with the tests that must notice. @module */
import type { Mutant, NamedTests } from "./mutants.ts";

const inAgent = (file: string, only?: string): NamedTests => ({
  file: `test/agent/${file}`,
  ...(only === undefined ? {} : { only }),
});
const TAMPERING: NamedTests = { file: "test/abuse/audit-tampering.test.ts" };
const tampering = (only: string): NamedTests => ({ ...TAMPERING, only });
const PUT_BACK: NamedTests = { file: "test/abuse/machine-put-back.test.ts", only: "goes back" };
const STORE = inAgent("outbox/trust/trust-store.test.ts");
const JUDGE = inAgent("marks/judge-trust-state.test.ts");
const FILES = inAgent("marks/marks-files.test.ts");
const KEEPER = inAgent("marks/trust-keeper.test.ts");
const FEED = inAgent("siem/siem-feed.test.ts");

const mutant = (
  id: string,
  [file, search, replacement]: readonly [string, string, string],
  ...caughtBy: NamedTests[]
): Mutant => ({ id, edits: [{ file, search, replacement }], caughtBy });

const ROWS = "agent/outbox/trust/trust-rows.ts";
const CHAIN = "agent/audit/verify-chain.ts";
const AUDIT = "agent/audit/audit.ts";
const JUDGED = "agent/marks/judge-trust-state.ts";
const HEADS = "receiver/downstream/heads.ts";

export const AUDIT_MUTANTS: readonly Mutant[] = [
  mutant(
    "A01 entries are stored whether or not they follow",
    [ROWS, "if (row.seq !== seq + 1 || !follows)", "if (row.seq !== seq + 1)"],
    { ...STORE, only: "do not follow" },
  ),
  mutant(
    "A01 a number may be left out",
    [ROWS, "if (row.seq !== seq + 1 || !follows)", "if (!follows)"],
    { ...STORE, only: "do not follow" },
  ),
  mutant(
    "A01 the hash of an entry is not looked at",
    [
      CHAIN,
      "  return Buffer.compare(chainHash(prev, bytes), hash) === 0;",
      "  return hash.length === 32;",
    ],
    tampering("edited"),
  ),
  mutant(
    "A01 what an entry says of itself is not looked at",
    [
      CHAIN,
      "if (entry?.seq !== seq || entry.prev !== hex(prev)) return false;",
      "if (entry === undefined) return false;",
    ],
    inAgent("audit/verify-chain.test.ts"),
  ),
  mutant(
    "A01 a hole is passed over",
    [CHAIN, 'if (seq !== this.#seq + 1) this.#found("missing", this.#seq + 1);\n    else if', "if"],
    tampering("deleted|cut off in front"),
  ),
  mutant(
    "A01 a head beyond the end says nothing",
    [CHAIN, "if (seq > this.#seq) this.#found", "if (seq > this.#seq + 1_000) this.#found"],
    tampering("truncated"),
  ),
  mutant(
    "A01 a head is not held against its entry",
    [CHAIN, 'if (auditHead !== hex(this.#hash)) this.#found("rewritten", seq);', ""],
    tampering("chained anew"),
  ),
  mutant(
    "A01 a cut hides what a young head knows",
    [CHAIN, "if (issuedAtMs >= keptSinceMs)", "if (issuedAtMs >= Number.POSITIVE_INFINITY)"],
    tampering("does not hide"),
  ),
  mutant(
    "A01 anybody's cut counts",
    [
      "agent/audit/cut.ts",
      'Buffer.from(signature, "base64"))) return undefined;',
      'Buffer.from(signature, "base64")) && line === "") return undefined;',
    ],
    tampering("has not signed"),
  ),
  mutant(
    "A01 the last entry may be cut, too",
    [
      "agent/audit/audit-upkeep.ts",
      "if (row.atMs >= beforeMs || row.seq >= headSeq) return found;",
      "if (row.atMs >= beforeMs) return found;",
    ],
    inAgent("audit/audit-upkeep.test.ts", "last entry"),
  ),
  mutant(
    "A01 entries go before their time",
    ["agent/audit/audit-upkeep.ts", "clock.nowMs() - keepDays * DAY_MS", "clock.nowMs() - DAY_MS"],
    inAgent("audit/audit-upkeep.test.ts", "before its time"),
  ),
  mutant(
    "A01 a head is not for this agent",
    [
      "agent/audit/read-heads.ts",
      "recipient: { tenant, agent },",
      'recipient: { tenant, agent: /"agent":"([^"]+)"/.exec(Buffer.from(JSON.parse(envelope).payload ?? "", "base64").toString())?.[1] ?? agent },',
    ],
    tampering("another device"),
  ),
  mutant(
    "A01 the counter of heads is taken before it is kept",
    [
      "agent/audit/heads.ts",
      "    await trust.note({ values, documents: [row] });\n",
      "    void trust.note({ documents: [row] });\n",
    ],
    inAgent("audit/heads.test.ts", "never comes twice"),
  ),
  mutant(
    "A01 fifty entries make no head",
    [
      "agent/audit/heads.ts",
      "if (count >= ENTRIES_MAX_COUNT) this.#makeSoon();\n    else this",
      "this",
    ],
    inAgent("audit/heads.test.ts", "50 entries"),
  ),
  mutant(
    "A01 local commands are carried out unrecorded",
    [
      "agent/recorded-questions.ts",
      "else await audit.record([draft]);",
      "else void audit.record([draft]).catch(() => {});",
    ],
    inAgent("recorded-questions.test.ts", "cannot be recorded"),
  ),
  mutant(
    "A02 a flood is not bounded",
    ["agent/audit/flood.ts", "if (spent > ADMITTED_MAX_COUNT - 1) {", "if (spent < 0) {"],
    inAgent("audit/entry.test.ts", "30 entries"),
  ),
  mutant(
    "A02 a flood of names is not bounded",
    [
      "agent/audit/flood.ts",
      "const isRoom = this.#sources.size < SOURCES_MAX_COUNT;",
      "const isRoom = true;",
    ],
    inAgent("audit/entry.test.ts", "invented names"),
  ),
  mutant(
    "A03 an entry holds what a terminal obeys",
    ["agent/audit/entry.ts", "/[^\\x20-\\x7e]/g", "/[^\\x20-\\uffff]/g"],
    inAgent("audit/entry.test.ts", "printable ASCII"),
  ),
  mutant(
    "A03 quotes in structured data are not escaped",
    ["agent/siem/syslog-message.ts", '/["\\\\\\]]/g, "\\\\$&"', '/[\\\\\\]]/g, "\\\\$&"'],
    inAgent("siem/syslog-message.test.ts", "6.3.3"),
  ),
  mutant(
    "A03 a line end in a value ends the message",
    ["agent/siem/syslog-message.ts", "/[^\\x20-\\x7e]/g,", "/[^\\x00-\\x7e]/g,"],
    inAgent("siem/syslog-message.test.ts", "one line"),
  ),
  mutant(
    "A04 a change goes on without its entry",
    [
      AUDIT,
      "      this.#failed(error, drafts.length);\n      throw unwritable(error);",
      "      this.#failed(error, drafts.length);\n      return { ...change, audit: [] };",
    ],
    inAgent("audit/audit.test.ts", "A04"),
  ),
  mutant(
    "A04 nobody hears that entries are missing",
    [AUDIT, "const all = lost === 0 ? drafts : [gap(lost), ...drafts];", "const all = drafts;"],
    inAgent("audit/audit.test.ts", "A04"),
  ),
  mutant(
    "A04 a damaged page of trust state halts the store",
    [ROWS, "store.inTransaction(() => contained(work));", "store.inTransaction(() => work());"],
    { ...STORE, only: "A04" },
  ),
  mutant(
    "VM3 a nonce may come twice",
    [
      ROWS,
      'if (this.hasNonce(nonce)) throw new AgentError("NONCE_SEEN", {});',
      "if (this.hasNonce(nonce)) continue;",
    ],
    { ...STORE, only: "came before" },
  ),
  mutant(
    "VM3 a full store of nonces takes more",
    [ROWS, "if (count >= NONCES_MAX_COUNT)", "if (count > 2 * NONCES_MAX_COUNT)"],
    { ...STORE, only: "full store" },
  ),
  mutant(
    "U22 sums of values are not looked at",
    [ROWS, "if (isSummed(sum, [name], value)) values", "if (sum.length > 0) values"],
    { ...STORE, only: "flipped bit" },
  ),
  mutant(
    "U22 sums of documents are not looked at",
    [ROWS, "if (isSummed(sum, [kind, digest], bytes)) documents", "if (sum.length > 0) documents"],
    { ...STORE, only: "flipped bit" },
  ),
  mutant(
    "U22 a store behind its marks is normal",
    [JUDGED, 'if (isStoreBehind) return frozen(question, "storeBehind", floor);', ""],
    { ...JUDGE, only: "behind" },
    { ...KEEPER, only: "put back" },
  ),
  mutant(
    "U22 last-good need not be the mark's",
    [
      JUDGED,
      'if (cause === "storeDamaged" && !isOfMark)',
      'if (cause === "storeBehind" && !isOfMark)',
    ],
    { ...JUDGE, only: "is the mark" },
  ),
  mutant(
    "U22 a last-good that cannot be used runs",
    [
      JUDGED,
      'if (lastGood.kind !== "verified") {',
      'if (lastGood.kind === "unusable") return { ...common, runs: "lastGood" };\n  if (lastGood.kind !== "verified") {',
    ],
    { ...JUDGE, only: "no listener opens" },
  ),
  mutant(
    "U22 damaged marks beside no store are a new installation",
    [
      JUDGED,
      'store.kind === "absent" && marks.kind === "absent" && lastGood.kind === "absent"',
      'store.kind === "absent" && lastGood.kind === "absent"',
    ],
    { ...JUDGE, only: "no listener opens" },
  ),
  mutant(
    "U22 a restart ends a freeze",
    [JUDGED, "if (store.frozen !== undefined) return frozen(question, store.frozen, floor);", ""],
    { ...JUDGE, only: "outlives" },
    { ...KEEPER, only: "store and marks damaged" },
  ),
  mutant(
    "U22 marks of another device count",
    [
      "agent/marks/marks-files.ts",
      'if (!key.verify(signed, Buffer.from(signature, "base64"))) return undefined;',
      "void signed;",
    ],
    { ...FILES, only: "another device" },
  ),
  mutant(
    "U22 marks are written over the newer file",
    ["agent/marks/marks-files.ts", "FILES[counter % 2]", "FILES[this.#counter % 1]"],
    { ...FILES, only: "in turn" },
  ),
  mutant(
    "U22 the older marks count",
    [
      "agent/marks/marks-files.ts",
      "one.counter > (newest?.counter ?? 0)",
      "one.counter < (newest?.counter ?? Number.MAX_SAFE_INTEGER)",
    ],
    { ...FILES, only: "in turn" },
  ),
  mutant(
    "U22 marks are not flushed before they are named done",
    ["agent/marks/marks-files.ts", "      await handle.sync();\n", ""],
    { ...FILES, only: "flushed" },
  ),
  mutant(
    "U22 the sequence number of a frozen store is its own",
    [
      "agent/marks/trust-keeper.ts",
      "return highestOf(this.#floor, this.#inStore());",
      "return this.#inStore();",
    ],
    { ...KEEPER, only: "put back" },
  ),
  mutant(
    "U22 a link is read as last-good",
    [
      "agent/marks/last-good.ts",
      "constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0)",
      "constants.O_RDONLY",
    ],
    { ...FILES, only: "is replaced as a whole" },
  ),
  mutant(
    "U21 a counter that goes back is no alarm",
    [HEADS, '...(head.counter <= before.counter ? ["counter"] : []),', ""],
    PUT_BACK,
  ),
  mutant(
    "U21 a counter that comes twice is no alarm",
    [HEADS, "head.counter <= before.counter", "head.counter < before.counter"],
    PUT_BACK,
  ),
  mutant(
    "U21 an audit that goes back is no alarm",
    [HEADS, "head.auditSeq < before.auditSeq || isRewritten", "isRewritten"],
    PUT_BACK,
  ),
  mutant(
    "U21 an audit that was written anew is no alarm",
    [HEADS, "head.auditSeq < before.auditSeq || isRewritten", "head.auditSeq < before.auditSeq"],
    PUT_BACK,
  ),
  mutant(
    "U21 a generation that goes back is no alarm",
    [HEADS, '...(head.generation < before.generation ? ["generation"] : []),', ""],
    PUT_BACK,
  ),
  mutant(
    "U21 a head that goes back takes the marks with it",
    [
      "receiver/store/highest-marks.ts",
      "counter: Math.max(head.counter, before.counter),",
      "counter: head.counter,",
    ],
    { file: "test/receiver/store/highest-marks.test.ts" },
  ),
  mutant(
    "U21 the entry of a head may change later",
    [
      "receiver/store/highest-marks.ts",
      "head.auditSeq > before.auditSeq",
      "head.auditSeq >= before.auditSeq",
    ],
    { file: "test/receiver/store/highest-marks.test.ts" },
  ),
  mutant(
    "U21 anybody's head is kept",
    [
      HEADS,
      "if (deviceKeyHex === null) return unverifiedHead(bytes);",
      "if (bytes.length > 0) return unverifiedHead(bytes);",
    ],
    { file: "test/abuse/machine-put-back.test.ts", only: "has not signed" },
  ),
  mutant(
    "A05 what was written on a connection that ended is forgotten",
    ["agent/siem/siem-feed.ts", "      one.sent = one.settled;\n", ""],
    { ...FEED, only: "written again" },
  ),
  mutant(
    "A05 a gap is not said",
    ["agent/siem/siem-feed.ts", "if (number !== before + 1) {", "if (number === 0) {"],
    { ...FEED, only: "is a gap" },
  ),
  mutant(
    "A05 any certificate will do",
    ["agent/siem/siem-tls.ts", "rejectUnauthorized: true", "rejectUnauthorized: false"],
    { ...FEED, only: "another CA" },
  ),
  mutant(
    "A05 messages are counted in characters of another length",
    [
      "agent/siem/syslog-message.ts",
      "Buffer.concat([Buffer.from(`",
      "Buffer.concat([Buffer.from(`1",
    ],
    inAgent("siem/syslog-message.test.ts", "counted in bytes"),
  ),
];
