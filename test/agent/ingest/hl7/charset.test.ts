import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import {
  declaredCharset,
  EncodingScan,
  judgeCharset,
  type Scan,
  scanBytes,
  textView,
} from "#agent/ingest/hl7/charset.ts";
import { CHARSET_NAMES, encodingNamed, isCharsetName } from "#agent/ingest/hl7/charset-names.ts";
import { latin1 } from "#test/support/messages.ts";

const utf8 = (text: string): Buffer => Buffer.from(text, "utf8");

function isUtf8ByPlatform(bytes: Uint8Array): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}

function scanInSlices(slices: readonly Uint8Array[]): Scan {
  const scan = new EncodingScan();
  for (const slice of slices) scan.add(slice);
  return scan.finish();
}

describe("encodingNamed", () => {
  const meanings: Readonly<Record<string, string | undefined>> = {
    ASCII: "ascii",
    "8859/1": "windows-1252",
    "8859/2": "iso-8859-2",
    "8859/3": "iso-8859-3",
    "8859/4": "iso-8859-4",
    "8859/5": "iso-8859-5",
    "8859/6": "iso-8859-6",
    "8859/7": "iso-8859-7",
    "8859/8": "iso-8859-8",
    "8859/9": "windows-1254",
    "8859/15": "iso-8859-15",
    "ISO IR6": "ascii",
    "ISO IR14": "shift_jis",
    "ISO IR87": "iso-2022-jp",
    "ISO IR159": undefined,
    "JIS X 0202": "iso-2022-jp",
    JAS2020: "iso-2022-jp",
    "GB 18030-2000": "gb18030",
    "KS X 1001": "euc-kr",
    "CNS 11643-1992": undefined,
    "BIG-5": "big5",
    UNICODE: "utf-8",
    "UNICODE UTF-8": "utf-8",
    "UNICODE UTF-16": undefined,
    "UNICODE UTF-32": undefined,
    "UTF-8": "utf-8",
    UTF8: "utf-8",
    " unicode utf-8 ": "utf-8",
    "Unicode UTF8": "utf-8",
    "ISO-8859-1": "windows-1252",
    "ISO 8859-1": "windows-1252",
    "ISO8859-1": "windows-1252",
    "iso_8859-1": "windows-1252",
    "8859-1": "windows-1252",
    "ISO8859/15": "iso-8859-15",
    latin1: "windows-1252",
    "Latin-1": "windows-1252",
    "windows-1252": "windows-1252",
    cp1252: "windows-1252",
    "CP-1252": "windows-1252",
    "ISO_IR 100": "windows-1252",
    "ISO_IR 192": "utf-8",
    "ISO-IR-87": "iso-2022-jp",
    GBK: "gb18030",
    Big5: "big5",
    SJIS: "shift_jis",
    "": undefined,
    " ": undefined,
    "ISO IR 999": undefined,
    "8859": undefined,
    "8859/12": undefined,
    constructor: undefined,
    "UTF-16": undefined,
  };
  for (const [name, encoding] of Object.entries(meanings)) {
    test(`[X2] ${JSON.stringify(name)} is ${encoding ?? "no name that can be decoded"}`, () => {
      assert.equal(encodingNamed(name), encoding);
      assert.equal(isCharsetName(name), encoding !== undefined);
    });
  }

  test("[X2] every encoding has a recommended name, is a decoder of the platform under its own name, and is understood by it", () => {
    assert.equal(new Set(CHARSET_NAMES).size, CHARSET_NAMES.length);
    for (const name of CHARSET_NAMES) {
      const encoding = encodingNamed(name) ?? "none";
      assert.equal(encodingNamed(encoding), encoding);
      if (encoding !== "ascii") assert.equal(new TextDecoder(encoding).encoding, encoding);
    }
    assert.equal(new Set(CHARSET_NAMES.map(encodingNamed)).size, CHARSET_NAMES.length);
  });

  test("[X2] case, blanks and tabs in a name do not count", () => {
    for (const name of CHARSET_NAMES) {
      for (const spelling of [name.toLowerCase(), ` ${name}\t`, name.replaceAll(" ", "")]) {
        assert.equal(encodingNamed(spelling), encodingNamed(name), spelling);
      }
    }
  });
});

describe("EncodingScan", () => {
  test("[F9] counts control bytes other than TAB, LF and CR, at every place in a word", () => {
    for (let byte = 0; byte < 256; byte++) {
      const counts = byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d ? 1 : 0;
      for (let at = 0; at < 11; at++) {
        const bytes = new Uint8Array(11).fill(0x41);
        bytes[at] = byte;
        assert.equal(scanBytes(bytes).controlBytes, counts, `byte ${byte} at ${at}`);
        assert.equal(scanBytes(bytes).ascii, byte < 0x80, `byte ${byte} at ${at}`);
      }
    }
    assert.equal(scanBytes(latin1("\0\x01\t\r\n\x1f\x7f\x1b")).controlBytes, 4);
  });

  test("[F9] counts control bytes of all slices, also beside bytes above 0x7F", () => {
    const slices = [latin1("\x1b\xff"), latin1(""), latin1("\x01\xe4\x02")];
    assert.deepEqual(scanInSlices(slices), { ascii: false, utf8: false, controlBytes: 3 });
  });

  test("[X1] nothing at all is ASCII and UTF-8", () => {
    assert.deepEqual(new EncodingScan().finish(), { ascii: true, utf8: true, controlBytes: 0 });
  });

  const sequences: readonly (readonly [string, string, boolean])[] = [
    ["the first of two bytes, U+0080", "\xc2\x80", true],
    ["the last of two bytes, U+07FF", "\xdf\xbf", true],
    ["the first of three bytes, U+0800", "\xe0\xa0\x80", true],
    ["the last before the surrogates, U+D7FF", "\xed\x9f\xbf", true],
    ["the first after the surrogates, U+E000", "\xee\x80\x80", true],
    ["the last of three bytes, U+FFFF", "\xef\xbf\xbf", true],
    ["the first of four bytes, U+10000", "\xf0\x90\x80\x80", true],
    ["the last there is, U+10FFFF", "\xf4\x8f\xbf\xbf", true],
    ["a byte order mark", "\xef\xbb\xbf", true],
    ["an overlong NUL", "\xc0\x80", false],
    ["an overlong U+007F", "\xc1\xbf", false],
    ["an overlong U+07FF", "\xe0\x9f\xbf", false],
    ["an overlong U+FFFF", "\xf0\x8f\xbf\xbf", false],
    ["the first surrogate", "\xed\xa0\x80", false],
    ["the last surrogate", "\xed\xbf\xbf", false],
    ["U+110000", "\xf4\x90\x80\x80", false],
    ["a lead byte that would begin U+140000", "\xf5\x80\x80\x80", false],
    ["five bytes", "\xf8\x88\x80\x80\x80", false],
    ["a lone continuation", "\x80", false],
    ["a sequence that ASCII breaks off", "\xe4\xb8A", false],
    ["a sequence that another lead breaks off", "\xe4\xb8\xc3\xbc", false],
    ["a sequence that the end breaks off", "\xe4\xb8", false],
    ["a third byte that is no continuation", "\xf0\x90\x80\xc0", false],
  ];
  for (const [what, text, valid] of sequences) {
    test(`[X1] ${what} is ${valid ? "valid" : "invalid"} UTF-8 (RFC 3629), wherever it is cut`, () => {
      const bytes = latin1(`name|${text}`);
      assert.equal(isUtf8ByPlatform(bytes), valid);
      for (let cut = 0; cut <= bytes.length; cut++) {
        const scan = scanInSlices([bytes.subarray(0, cut), bytes.subarray(cut)]);
        assert.deepEqual(scan, { ascii: false, utf8: valid, controlBytes: 0 }, `cut at ${cut}`);
      }
      assert.equal(scanInSlices([...bytes].map((byte) => Uint8Array.of(byte))).utf8, valid);
    });
  }

  test("[X1] a sequence that is cut is continued by the next slice, and broken by a slice of ASCII", () => {
    assert.equal(scanInSlices([latin1("\xe4"), latin1(""), latin1("\xb8\xad")]).utf8, true);
    assert.equal(scanInSlices([latin1("\xe4\xb8"), latin1("AAAA"), latin1("\xad")]).utf8, false);
    assert.equal(scanInSlices([latin1("\xe0"), latin1("\x9f\xbf")]).utf8, false);
  });

  test("[X1] what was invalid once stays invalid", () => {
    assert.equal(scanInSlices([latin1("\xff"), utf8("日本")]).utf8, false);
    assert.equal(scanInSlices([latin1("\xc3A"), latin1("\xa4")]).utf8, false);
  });

  test("[X1, F9] any slices give what the whole gives, and the platform's decoder agrees", () => {
    const valid = fc.string({ unit: "binary" }).map(utf8);
    // Bytes around the borders of the tables in RFC 3629 are where a scanner goes wrong.
    const borders = fc.constantFrom(
      ...[0x00, 0x0d, 0x1b, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf],
      ...[0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff],
    );
    const part = fc.oneof(
      valid,
      fc.array(borders, { maxLength: 6 }).map((bytes) => Uint8Array.from(bytes)),
      fc.uint8Array({ maxLength: 8 }),
    );
    // One part that is not UTF-8 spoils the whole, so half of the messages have none.
    const parts = fc.oneof(
      fc.array(valid, { minLength: 2, maxLength: 6 }),
      fc.array(part, { maxLength: 6 }),
    );
    const cases = fc.tuple(parts, fc.array(fc.nat(80)));
    let validCount = 0;
    fc.assert(
      fc.property(cases, ([parts, cuts]) => {
        const whole = Buffer.concat(parts);
        const borders = [0, ...cuts.filter((cut) => cut < whole.length), whole.length];
        borders.sort((a, b) => a - b);
        const slices = borders.slice(1).map((end, index) => whole.subarray(borders[index], end));
        const scan = scanInSlices(slices);
        assert.deepEqual(scan, scanBytes(whole));
        assert.equal(scan.utf8, isUtf8ByPlatform(whole));
        assert.equal(
          scan.ascii,
          whole.every((byte) => byte < 0x80),
        );
        const controls = whole.filter((byte) => byte < 0x20 && ![9, 10, 13].includes(byte));
        assert.equal(scan.controlBytes, controls.length);
        if (scan.utf8 && !scan.ascii) validCount += 1;
      }),
      { numRuns: 5_000 },
    );
    assert.ok(validCount > 500, `only ${validCount} cases were UTF-8 above ASCII`);
  });
});

describe("declaredCharset", () => {
  const tilde = 0x7e;
  const fields: readonly (readonly [string, number | undefined, string])[] = [
    ["", tilde, ""],
    ["8859/1", tilde, "8859/1"],
    ["  8859/1 ", tilde, "8859/1"],
    ["UNICODE UTF-8~ISO IR87", tilde, "UNICODE UTF-8"],
    ["~ISO IR87", tilde, ""],
    [" ~ISO IR87", tilde, ""],
    ["8859/1*8859/2*ISO IR87", 0x2a, "8859/1"],
    ["8859/1~8859/2", undefined, "8859/1~8859/2"],
    ["L\xc4TIN", tilde, "LÄTIN"],
    ["x".repeat(65), tilde, "x".repeat(64)],
  ];
  for (const [field, separator, declared] of fields) {
    const cut = separator === undefined ? "no separator" : String.fromCharCode(separator);
    test(`[X2, X5] MSH-18 ${JSON.stringify(field)} with ${cut} declares ${JSON.stringify(declared)}`, () => {
      assert.equal(declaredCharset(latin1(field), separator), declared);
    });
  }

  test("[X4] a field of any size gives at most 64 characters", () => {
    assert.equal(declaredCharset(new Uint8Array(4_000_000).fill(0xff), tilde).length, 64);
  });
});

describe("judgeCharset", () => {
  const ascii = latin1("PID|1||TEST-0001^\x1b$B");
  const umlautsInLatin1 = latin1("M\xfcller^J\xf6rg");
  const umlautsInUtf8 = utf8("Müller^Jörg");
  type Row = readonly [string, Uint8Array, string, string | undefined, string];
  const rows: readonly Row[] = [
    ["ASCII", ascii, "", undefined, "ascii"],
    ["ASCII", ascii, "ASCII", undefined, "ascii"],
    ["ASCII", ascii, "8859/1", undefined, "ascii"],
    ["ASCII", ascii, "UNICODE UTF-8", undefined, "ascii"],
    ["ASCII", ascii, "ISO IR87", undefined, "ascii"],
    ["ASCII", ascii, "ISO IR 999", undefined, "ascii"],
    ["ASCII", ascii, "8859/1", "BIG-5", "ascii"],
    ["Latin-1", umlautsInLatin1, "", undefined, "other mismatch"],
    ["Latin-1", umlautsInLatin1, "ASCII", undefined, "other mismatch"],
    ["Latin-1", umlautsInLatin1, "8859/1", undefined, "other"],
    ["Latin-1", umlautsInLatin1, "8859/15", undefined, "other"],
    ["Latin-1", umlautsInLatin1, "UNICODE UTF-8", undefined, "other errors mismatch"],
    ["Latin-1", umlautsInLatin1, "UNICODE", undefined, "other errors mismatch"],
    ["Latin-1", umlautsInLatin1, "ISO IR 999", undefined, "other mismatch"],
    ["Latin-1", umlautsInLatin1, "UNICODE UTF-16", undefined, "other mismatch"],
    ["Latin-1", umlautsInLatin1, "ISO IR87", undefined, "other errors mismatch"],
    ["UTF-8", umlautsInUtf8, "", undefined, "utf-8 mismatch"],
    ["UTF-8", umlautsInUtf8, "ASCII", undefined, "utf-8 mismatch"],
    ["UTF-8", umlautsInUtf8, "UTF8", undefined, "utf-8"],
    ["UTF-8", umlautsInUtf8, "8859/1", undefined, "utf-8 mismatch"],
    ["UTF-8", umlautsInUtf8, "8859/9", undefined, "utf-8 mismatch"],
    ["UTF-8", umlautsInUtf8, "ISO IR 999", undefined, "utf-8 mismatch"],
    ["UTF-8", umlautsInUtf8, "GB 18030-2000", undefined, "utf-8"],
    ["a mark and ASCII", utf8("\ufeffMSH|"), "", undefined, "utf-8 mismatch"],
    ["Shift_JIS", latin1("\x93\xfa\x96{"), "ISO IR14", undefined, "other"],
    // The setting replaces the declaration, in both directions.
    ["Latin-1", umlautsInLatin1, "", "8859/1", "other"],
    ["Latin-1", umlautsInLatin1, "UNICODE UTF-8", "windows-1252", "other"],
    ["Latin-1", umlautsInLatin1, "8859/1", "UTF-8", "other errors mismatch"],
    ["Latin-1", umlautsInLatin1, "8859/1", "ASCII", "other mismatch"],
    ["Latin-1", umlautsInLatin1, "8859/1", "unknown", "other"],
    ["UTF-8", umlautsInUtf8, "", "UTF-8", "utf-8"],
    ["UTF-8", umlautsInUtf8, "8859/1", "UTF-8", "utf-8"],
    ["UTF-8", umlautsInUtf8, "UNICODE UTF-8", "8859/1", "utf-8 mismatch"],
  ];
  for (const [what, bytes, declared, setting, verdict] of rows) {
    const set = setting === undefined ? "" : ` and set as ${setting}`;
    test(`[X3] ${what} declared as ${JSON.stringify(declared)}${set} is judged ${verdict}`, () => {
      const judged = judgeCharset({ declared, setting, scan: scanBytes(bytes) });
      const words = [judged.detected, judged.errors && "errors", judged.mismatch && "mismatch"];
      assert.equal(words.filter((word) => word !== false).join(" "), verdict);
    });
  }

  test("[X1, X3] errors always come with a mismatch, and are seen in the text view too", () => {
    const names = fc.constantFrom(undefined, "", "unknown", ...CHARSET_NAMES);
    const bytes = fc.oneof(fc.uint8Array({ maxLength: 12 }), fc.string().map(utf8));
    fc.assert(
      fc.property(bytes, names, names, (message, named, setting) => {
        const declared = named ?? "";
        const verdict = judgeCharset({ declared, setting, scan: scanBytes(message) });
        if (!verdict.errors) return;
        assert.ok(verdict.mismatch);
        const view = textView(message, { charset: setting, declared, fallbackCharset: "8859/1" });
        assert.ok(view.errors);
      }),
      { numRuns: 3_000 },
    );
  });
});

describe("textView", () => {
  const shown = (bytes: Uint8Array, declared: string, charset?: string, fallback = "8859/1") => {
    const view = textView(bytes, { charset, declared, fallbackCharset: fallback });
    return `${view.encoding}${view.errors ? " errors" : ""}: ${view.text}`;
  };

  test("[X2] charset comes first, then MSH-18, then UTF-8 if valid, then fallbackCharset", () => {
    const bytes = utf8("ü");
    assert.equal(shown(bytes, "8859/1", "UTF-8"), "utf-8: ü");
    assert.equal(shown(bytes, "UNICODE UTF-8", "8859/1"), "windows-1252: Ã¼");
    assert.equal(shown(bytes, "8859/1"), "windows-1252: Ã¼");
    assert.equal(shown(bytes, "8859/2"), "iso-8859-2: Ăź");
    assert.equal(shown(bytes, ""), "utf-8: ü");
    assert.equal(shown(latin1("\xfc"), ""), "windows-1252: ü");
    assert.equal(shown(latin1("\xc0"), "", undefined, "8859/5"), "iso-8859-5: Р");
  });

  test("[X2] a name that is not understood is passed over", () => {
    assert.equal(shown(utf8("ü"), "ISO IR 999", "nonsense"), "utf-8: ü");
    assert.equal(shown(utf8("ü"), "8859/1", ""), "windows-1252: Ã¼");
    assert.equal(shown(latin1("\xfc"), "CNS 11643-1992"), "windows-1252: ü");
    assert.equal(shown(latin1("\xfc"), "", undefined, "nonsense"), "windows-1252: ü");
  });

  test("[X2, X3] a claim of ASCII holds for seven-bit bytes only", () => {
    assert.equal(shown(latin1("A\t\x1b"), "ASCII"), "ascii: A\t\x1b");
    assert.equal(shown(utf8("ü"), "ASCII"), "utf-8: ü");
    assert.equal(shown(latin1("\xfc"), "", "ASCII"), "windows-1252: ü");
    assert.equal(shown(latin1("A\xfc\x81"), "", undefined, "ASCII"), "ascii errors: A\ufffd\ufffd");
  });

  test("[X2] 8859/1 and 8859/9 are read as Windows reads them, where they have controls too", () => {
    assert.equal(shown(latin1("\x80\xe9"), "8859/1"), "windows-1252: €é");
    assert.equal(shown(latin1("\x80\xfd"), "8859/9"), "windows-1254: €ı");
  });

  test("[X2] bytes that do not decode show as replacement characters, and are reported", () => {
    assert.equal(shown(latin1("M\xfcller"), "UTF-8"), "utf-8 errors: M\ufffdller");
    assert.equal(shown(latin1("A\xa1"), "8859/6"), "iso-8859-6 errors: A\ufffd");
    assert.equal(shown(latin1("\xe4\xb8"), "UTF-8"), "utf-8 errors: \ufffd");
  });

  test("[X2] a replacement character that the sender put there is no error of ours", () => {
    assert.equal(shown(utf8("M\ufffdller"), "UTF-8"), "utf-8: M\ufffdller");
  });

  test("[X2] a byte order mark is not shown", () => {
    assert.equal(shown(utf8("\ufeffMSH|"), ""), "utf-8: MSH|");
  });

  test("[X2] the sets of table 0211 for East Asia are decoded", () => {
    assert.equal(shown(latin1("\xd6\xd0"), "GB 18030-2000"), "gb18030: 中");
    assert.equal(shown(latin1("\xa4\xa4"), "BIG-5"), "big5: 中");
    assert.equal(shown(latin1("\xb1\xe8"), "KS X 1001"), "euc-kr: 김");
    assert.equal(shown(latin1("\xd4\xcf"), "ISO IR14"), "shift_jis: ﾔﾏ");
    assert.equal(shown(latin1("\x1b$B;3\x1b(B|A"), "ISO IR87"), "iso-2022-jp: 山|A");
  });

  test("[X5] escapes of a further repetition show raw", () => {
    const declared = declaredCharset(latin1("~ISO IR87"), 0x7e);
    assert.equal(shown(latin1("\x1b$B;3\x1b(B"), declared), "utf-8: \x1b$B;3\x1b(B");
    assert.equal(shown(latin1("\x1b$B;3\x1b(B\xe9"), "8859/1"), "windows-1252: \x1b$B;3\x1b(Bé");
  });

  test("[X2, X4] any bytes under any names give a text, and leave the bytes alone", () => {
    const names = fc.oneof(fc.constantFrom(...CHARSET_NAMES), fc.string());
    fc.assert(
      fc.property(fc.uint8Array(), names, names, names, (bytes, charset, declared, fallback) => {
        const before = Uint8Array.from(bytes);
        const view = textView(bytes, { charset, declared, fallbackCharset: fallback });
        assert.equal(typeof view.text, "string");
        assert.deepEqual(bytes, before);
      }),
      { numRuns: 2_000 },
    );
  });
});
