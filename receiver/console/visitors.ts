/** Whose request it is: the session that its cookie names, or the certificate that its connection has shown. @module */
import type { IncomingMessage } from "node:http";
import type { Clock } from "../host/clock.ts";
import { isLoopback } from "../outlets/loopback.ts";
import { shownCertificate } from "./certificate.ts";
import type { ConsoleConfiguration } from "./configuration.ts";
import type { Journal } from "./journal.ts";
import { isRole } from "./roles.ts";
import {
  keyOf,
  newSecret,
  type Person,
  SESSION_MS,
  type Session,
  type Sessions,
} from "./sessions.ts";

export interface Visitor {
  readonly session: Session;
  readonly secret: string;
  /** To be sent along, if the browser does not have it. */
  readonly cookie: string | undefined;
}

export interface VisitorsParts {
  readonly configuration: ConsoleConfiguration;
  readonly sessions: Sessions;
  readonly journal: Journal;
  readonly clock: Clock;
}

export class Visitors {
  readonly #parts: VisitorsParts;
  readonly #people: ReadonlyMap<string, Person>;
  readonly #cookieName: string;

  constructor(parts: VisitorsParts) {
    this.#parts = parts;
    const { people, tls } = parts.configuration;
    this.#people = new Map(people.map((person) => [person.certificate, person]));
    this.#cookieName = tls === undefined ? "holdfast" : "__Host-holdfast";
  }

  /** @returns `undefined` for whoever is not signed in and shows no certificate that is known */
  async find(request: IncomingMessage): Promise<Visitor | undefined> {
    const shown = shownCertificate(request.socket, this.#parts.clock.nowMs());
    // Asked by a page of ours by itself: it says nothing of its person being there.
    const isPoll = request.headers["sec-fetch-dest"] === "empty";
    const secret = this.#cookieIn(request.headers.cookie ?? "");
    if (secret !== undefined) {
      const nowMs = this.#parts.clock.nowMs();
      const session = await this.#parts.sessions.find(secret, nowMs, !isPoll);
      const asNow = session && this.#asNow(session, shown);
      if (asNow !== undefined) return { session: asNow, secret, cookie: undefined };
    }
    const person = this.#people.get(shown);
    return person === undefined || isPoll ? undefined : await this.begin(person, "certificate");
  }

  /** Signs somebody in. @returns `undefined` if too many are */
  async begin(person: Person, how: "certificate" | "link"): Promise<Visitor | undefined> {
    const { sessions, journal, clock } = this.#parts;
    const nowMs = clock.nowMs();
    const secret = await sessions.begin(person, nowMs);
    if (secret === undefined && how === "link") return undefined;
    const known = secret ?? newSecret();
    const session = { ...person, key: keyOf(known), createdMs: nowMs, seenMs: nowMs };
    // Nobody has the secret before this is written.
    await journal.write(person, "signedIn", { detail: how });
    // A certificate opens what can be looked at also where no session can be kept, for one request.
    if (secret === undefined) return { session, secret: known, cookie: undefined };
    return { session, secret, cookie: this.#cookie(secret, SESSION_MS / 1_000) };
  }

  /** Makes the browser forget. */
  get noCookie(): string {
    return this.#cookie("", 0);
  }

  /** What the configuration says of a person counts, not what it said when they came. */
  #asNow(session: Session, shown: string): Session | undefined {
    if (session.certificate === "") {
      // Another node of the same database may be where links let in.
      const isHere = isLoopback(this.#parts.configuration.host);
      return isHere && isRole(session.role) ? session : undefined;
    }
    const person = this.#people.get(session.certificate);
    if (person === undefined || shown !== session.certificate) return undefined;
    return { ...session, name: person.name, role: person.role };
  }

  #cookie(secret: string, seconds: number): string {
    const secure = this.#parts.configuration.tls === undefined ? "" : "; Secure";
    const rules = `Path=/; HttpOnly; SameSite=Strict${secure}`;
    return `${this.#cookieName}=${secret}; Max-Age=${seconds}; ${rules}`;
  }

  #cookieIn(header: string): string | undefined {
    const found = header.split(/; */).filter((one) => one.startsWith(`${this.#cookieName}=`));
    // Two of one name: somebody else has put one there.
    return found.length === 1 ? found[0]?.slice(this.#cookieName.length + 1) : undefined;
  }
}
