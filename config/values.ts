/** Kinds of values that several kinds of channels have. @module */
import { z } from "zod";
import { CHARSET_NAMES, isCharsetName } from "#agent/ingest/hl7/charset-names.ts";

export const channelName = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, {
  message: "must be lower-case letters, digits and hyphens, at most 63",
});

export const seconds = (defaultMs: number, least = 1, most = 86_400): z.ZodDefault<z.ZodInt> =>
  z
    .int()
    .min(least)
    .max(most)
    .default(defaultMs / 1000);

export const bytes = (standard: number, least: number, most: number): z.ZodDefault<z.ZodInt> =>
  z
    .int({
      error: ({ code }) =>
        code === "invalid_type" ? "must be a whole number of bytes, such as 33554432" : undefined,
    })
    .min(least)
    .max(most)
    .default(standard);

export const count = (standard: number, least: number, most: number): z.ZodDefault<z.ZodInt> =>
  z.int().min(least).max(most).default(standard);

export const percent = (standard: number): z.ZodDefault<z.ZodInt> => count(standard, 1, 100);

/** First components of MSH-11 and MSH-12: HL7 tables 0103 and 0104. */
export const headerCodes = z
  .array(
    z
      .string({ message: 'must be text: put it in quotes, as in "2.5"' })
      .regex(/^[A-Za-z0-9.]{1,8}$/, { message: 'must be a code such as "P" or "2.5.1"' }),
  )
  .default([]);

/** 03 X2. */
export const charsetName = z.string().refine(isCharsetName, {
  message: `must be a character set of HL7 table 0211, one of: ${CHARSET_NAMES.join(", ")}`,
});

/** Rights as chmod(1) takes them, in quotes: YAML would read 0640 as a number. */
export const mode = (standard: string): z.ZodDefault<z.ZodString> =>
  z
    .string({ message: `must be in quotes, such as "${standard}"` })
    .regex(/^0[0-7]{3}$/, { message: `must be four octal digits, such as "${standard}"` })
    .default(standard);
