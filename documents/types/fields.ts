/** Kinds of values that several documents have (07 2.2). Lengths are characters. @module */
import { z } from "zod";
import { parseTime } from "../time.ts";

/** Tenants and agents (07 1.3). */
export const name = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, "must be a name: a-z, 0-9, -");
export const time = z
  .string()
  .refine((text) => parseTime(text) !== undefined, "must be a time: 2026-01-31T09:30:00Z");
/** Hex SHA-256; also key ids. */
export const digest = z.string().regex(/^[0-9a-f]{64}$/, "must be 64 lower-case hex digits");
/** 16 random bytes. */
export const random16 = z.string().regex(/^[0-9a-f]{32}$/, "must be 32 lower-case hex digits");
/** Safe integers only (V9). */
export const count = z.int().min(0);
export const positive = z.int().min(1);
/** Three numbers; pre-releases have no place here. */
export const version = z
  .string()
  .regex(/^(0|[1-9]\d{0,8})(\.(0|[1-9]\d{0,8})){2}$/, "must be a version: 1.2.3");
/** For people: a line of text, without control characters (which could rewrite a terminal). */
export const label = z
  .string()
  .min(1)
  .max(128)
  .regex(/^[^\p{C}\p{Zl}\p{Zp}]*$/u, "must be one line of printable text");
/** Who a document is for. */
export const recipient = { tenant: name, agent: name };
