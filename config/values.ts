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

/** YAML would read 0640 as a number. */
const inQuotes = z.string({ error: "must be in quotes: four octal digits" });

/** Rights of files that the agent makes, as chmod(1) takes them (04 P33). */
export const fileMode = inQuotes
  .regex(/^0[0246]{3}$/, { message: 'must be octal and not executable, such as "0640"' })
  .default("0640");

/** Rights of folders that the agent makes, and works in. */
export const folderMode = inQuotes
  .regex(/^07[0-7]{2}$/, { message: 'must be octal, and all for the owner, such as "0750"' })
  .default("0750");
