/**
 * Who is signed in: by a certificate that the configuration knows, or by a link that was made on the receiver's machine
 * and works once. What the browser keeps is a secret of which the store has the digest, so that every node knows it
 * and nobody who reads the store has it.
 *
 * @module
 */
import { hash, randomBytes, timingSafeEqual } from "node:crypto";
import { z } from "zod";
import { CONSOLE_ITEMS_MAX_COUNT, type ConsoleRecords } from "../store/console.ts";
import { PERSON_NAME } from "./configuration.ts";
import { ROLES, type Role } from "./roles.ts";

export interface Person {
  readonly name: string;
  readonly role: Role;
  /** SHA-256 of the certificate, hexadecimal; empty: let in by a link. */
  readonly certificate: string;
}

/** Whoever came with a link says themselves who they are. */
export const calledOf = ({ name, certificate }: Pick<Person, "name" | "certificate">): string =>
  certificate === "" ? `${name} (by link)` : name;

/** Nobody becomes a second person by a second certificate of one name, or by another link. */
export const isSamePerson = (
  a: Pick<Person, "name" | "certificate">,
  b: Pick<Person, "name" | "certificate">,
): boolean => a.name === b.name || a.certificate === b.certificate;

export interface Session extends Person {
  /** By which the store and people name it; it opens nothing. */
  readonly key: string;
  readonly createdMs: number;
  readonly seenMs: number;
}

const MINUTE_MS = 60_000;
export const LINK_MS = 5 * MINUTE_MS;
export const SESSION_MS = 8 * 60 * MINUTE_MS;
export const IDLE_MS = 30 * MINUTE_MS;
/** It is not written down more often that somebody is there. */
const SEEN_EVERY_MS = MINUTE_MS;
/** Browsers of one certificate at once; the one that was there first goes. */
const OF_ONE_CERTIFICATE_MAX_COUNT = 8;
const SECRET = /^[A-Za-z0-9_-]{43}$/;

const PERSON = z.strictObject({
  name: PERSON_NAME,
  role: z.enum(ROLES),
  certificate: z.string(),
});
const SESSION = PERSON.extend({ createdMs: z.int(), seenMs: z.int() });

export const newSecret = (): string => randomBytes(32).toString("base64url");
export const keyOf = (secret: string): string => hash("sha256", secret);

/** What a form of ours brings along; it follows from the secret, and does not lead back to it. */
export const formTokenOf = (secret: string): string =>
  hash("sha256", `form ${secret}`, "buffer").toString("base64url");

export function isFormToken(secret: string, shown: string): boolean {
  const [own, other] = [formTokenOf(secret), shown].map((text) => hash("sha256", text, "buffer"));
  return own !== undefined && other !== undefined && timingSafeEqual(own, other);
}

/** Keeps a link that lets one person in, once. @returns false if there are too many */
export async function keepLink(
  records: ConsoleRecords,
  { key, name, role, atMs }: Pick<Person, "name" | "role"> & { key: string; atMs: number },
): Promise<boolean> {
  const body = JSON.stringify({ name, role, certificate: "" } satisfies Person);
  const item = { kind: "link", key, body, expiresMs: atMs + LINK_MS };
  const kept = await records.keepItem({ ...item, isNew: true, atMs });
  return kept.kind === "ok" && kept.isKept;
}

export class Sessions {
  readonly #records: ConsoleRecords;
  /** One begins after the other, so that each counts those before it. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(records: ConsoleRecords) {
    this.#records = records;
  }

  /** @returns `undefined` for a link that was used, is too old, or never was one */
  async takeLink(secret: string, nowMs: number): Promise<Person | undefined> {
    if (!SECRET.test(secret)) return undefined;
    const taken = await this.#records.takeItem({ kind: "link", key: keyOf(secret) });
    if (taken.kind === "busy" || taken.item === null || taken.item.expiresMs <= nowMs) {
      return undefined;
    }
    return PERSON.parse(JSON.parse(taken.item.body));
  }

  /** @returns the secret for the browser; `undefined` if too many are signed in */
  begin(person: Person, nowMs: number): Promise<string | undefined> {
    const begun = this.#last.then(() => this.#begin(person, nowMs));
    this.#last = begun.catch(() => undefined);
    return begun;
  }

  async #begin({ name, role, certificate }: Person, nowMs: number): Promise<string | undefined> {
    const secret = newSecret();
    const key = keyOf(secret);
    await this.#makeRoom(certificate, { nowMs, key });
    const kept = await this.#records.keepItem({
      ...itemOf({ name, role, certificate, key, createdMs: nowMs, seenMs: nowMs }),
      ...{ isNew: true, atMs: nowMs },
    });
    if (kept.kind === "busy" || !kept.isKept) return undefined;
    // Another node may have let them in meanwhile.
    await this.#makeRoom(certificate, { nowMs, key });
    return secret;
  }

  /**
   * @param isThere its person asks, and not a page by itself
   * @returns `undefined` if it has ended
   */
  async find(secret: string, nowMs: number, isThere = true): Promise<Session | undefined> {
    if (!SECRET.test(secret)) return undefined;
    const key = keyOf(secret);
    const [item] = await this.#records.items({ kind: "session", key });
    if (item === undefined || item.expiresMs <= nowMs) return undefined;
    const session = sessionOf(item);
    if (!isThere || nowMs - session.seenMs < SEEN_EVERY_MS) return session;
    const seen = { ...session, seenMs: nowMs };
    await this.#records.keepItem({ ...itemOf(seen), isNew: false, atMs: nowMs });
    return seen;
  }

  /** @returns the one that was ended */
  async end(key: string): Promise<Session | undefined> {
    const taken = await this.#records.takeItem({ kind: "session", key });
    return taken.kind === "ok" && taken.item !== null ? sessionOf(taken.item) : undefined;
  }

  async all(nowMs: number): Promise<readonly Session[]> {
    const items = await this.#records.items({ kind: "session", key: null });
    const open = items.filter(({ expiresMs }) => expiresMs > nowMs).map(sessionOf);
    return open.toSorted((a, b) => b.seenMs - a.seenMs);
  }

  /** For `key`, which may be there already. Whoever has most makes room: nobody shuts others out. */
  async #makeRoom(
    certificate: string,
    { nowMs, key: own }: { readonly nowMs: number; readonly key: string },
  ): Promise<void> {
    const others = (await this.all(nowMs)).filter(({ key }) => key !== own);
    const bySource = Map.groupBy(others, (one) => one.certificate);
    const most = [...bySource.values()].toSorted((a, b) => b.length - a.length)[0] ?? [];
    const isFull = others.length >= CONSOLE_ITEMS_MAX_COUNT;
    const mine = certificate === "" ? [] : (bySource.get(certificate) ?? []);
    const over = mine.slice(OF_ONE_CERTIFICATE_MAX_COUNT - 1);
    const going = over.length === 0 && isFull ? most.slice(-1) : over;
    for (const { key } of going) await this.end(key);
  }
}

function itemOf({ key, ...rest }: Session) {
  const expiresMs = Math.min(rest.createdMs + SESSION_MS, rest.seenMs + IDLE_MS);
  return { kind: "session", key, body: JSON.stringify(rest), expiresMs };
}

const sessionOf = ({ key, body }: { readonly key: string; readonly body: string }): Session => ({
  ...SESSION.parse(JSON.parse(body)),
  key,
});
