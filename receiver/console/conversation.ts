/** From a request that is ours to an answer: who it is, whether they may, and what was asked. @module */
import type { IncomingMessage } from "node:http";
import { ReceiverError } from "../errors.ts";
import type { Clock } from "../host/clock.ts";
import type { Log } from "../host/log.ts";
import { isLoopback } from "../outlets/loopback.ts";
import type { WholeStore } from "../store/whole-store.ts";
import type { ConsoleConfiguration } from "./configuration.ts";
import { FleetReader } from "./fleet.ts";
import { FORM_MAX_BYTES, type Form, LINK_FORM_MAX_BYTES, readForm } from "./form.ts";
import { Journal } from "./journal.ts";
import { notice, refusal, type Visit, visitOf } from "./layout.ts";
import { QuestionDesk } from "./question-desk.ts";
import { page, type Reply, seeOther, text } from "./reply.ts";
import { may } from "./roles.ts";
import { faultPage, notFound, type Route, Routes } from "./routes.ts";
import { isFormToken, Sessions } from "./sessions.ts";
import { enterPage, goOnPage, signInPage } from "./sign-in-page.ts";
import { type Visitor, Visitors } from "./visitors.ts";

export interface ConsoleContext {
  readonly store: WholeStore;
  readonly clock: Clock;
  readonly log: Log;
}

const ENTER = /^\/enter\/([A-Za-z0-9_-]{43})$/;

export class Conversation {
  readonly #configuration: ConsoleConfiguration;
  readonly #context: ConsoleContext;
  readonly #sessions: Sessions;
  readonly #journal: Journal;
  readonly #visitors: Visitors;
  readonly #routes: Routes;
  readonly #running = new Set<Promise<Reply>>();

  constructor(configuration: ConsoleConfiguration, context: ConsoleContext) {
    const { store, clock, log } = context;
    this.#configuration = configuration;
    this.#context = context;
    this.#sessions = new Sessions(store.console);
    this.#journal = new Journal(store.console, clock, log);
    const shared = { configuration, clock, sessions: this.#sessions, journal: this.#journal };
    this.#visitors = new Visitors(shared);
    const fleet = new FleetReader(store, clock);
    this.#routes = new Routes({ ...shared, store, fleet, desk: new QuestionDesk(store) });
  }

  answer(request: IncomingMessage, url: URL): Promise<Reply> {
    const answered = this.#answer(request, url);
    this.#running.add(answered);
    const done = (): void => void this.#running.delete(answered);
    answered.then(done, done);
    return answered;
  }

  /** The store is asked no more. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#running);
    await this.#journal[Symbol.asyncDispose]();
  }

  async #answer(request: IncomingMessage, url: URL): Promise<Reply> {
    let visit: Visit | undefined;
    try {
      const door = await this.#door(request, url);
      if (door !== undefined) return door;
      if (isLedHere(request)) return closing(page(goOnPage(`${url.pathname}${url.search}`)));
      const visitor = await this.#visitors.find(request);
      if (visitor === undefined) {
        return closing(page(signInPage(this.#configuration.tls !== undefined), 403));
      }
      // Of whom nobody knows, nothing is read.
      const form = isPost(request) ? await readForm(request, FORM_MAX_BYTES) : undefined;
      if (typeof form === "number") return closing(text(form, "No form of ours"));
      visit = visitOf(visitor.session, visitor.secret, this.#context.clock.nowMs());
      const reply = await this.#known(visitor, visit, { url, form });
      const { cookie } = visitor;
      if (cookie === undefined) return reply;
      return { ...reply, headers: { "Set-Cookie": cookie, ...reply.headers } };
    } catch (error) {
      const { html, status } = faultPage(visit, error);
      // What a person did wrong is told to the person.
      if (status >= 500) this.#failed(error);
      return page(html, status);
    }
  }

  #failed(error: unknown): void {
    const isKnown = error instanceof ReceiverError;
    const fault = isKnown ? error : new ReceiverError("CONSOLE_DEFECT", { cause: error });
    this.#context.log.fault("consoleFailed", fault);
  }

  /** For whoever comes with a link. */
  async #door(request: IncomingMessage, { pathname }: URL): Promise<Reply | undefined> {
    if (!isLoopback(this.#configuration.host)) return undefined;
    const [, secret] = ENTER.exec(pathname) ?? [];
    if (!isPost(request)) return secret === undefined ? undefined : page(enterPage(secret));
    if (pathname !== "/enter") return undefined;
    const form = await readForm(request, LINK_FORM_MAX_BYTES);
    if (typeof form === "number") return closing(text(form, "No form of ours"));
    const nowMs = this.#context.clock.nowMs();
    const person = await this.#sessions.takeLink(form.text("link"), nowMs);
    const visitor = person && (await this.#visitors.begin(person, "link"));
    if (visitor === undefined) {
      const said = "It was used, or is older than five minutes: make another one.";
      const shown = notice(undefined, {
        ...{ title: "This link lets nobody in", text: said, tone: "warning" },
      });
      return page(shown, 403);
    }
    return seeOther("/", { "Set-Cookie": visitor.cookie ?? "" });
  }

  async #known(
    { session, secret }: Visitor,
    visit: Visit,
    { url, form }: { readonly url: URL; readonly form: Form | undefined },
  ): Promise<Reply> {
    if (form !== undefined && !isFormToken(secret, form.text("token"))) {
      const said = "The form is of another session: load the page again.";
      return page(notice(visit, { title: "Not done", text: said, tone: "warning" }), 403);
    }
    if (form !== undefined && url.pathname === "/sign-out") return await this.#signOut(visit);
    const [route, names] = this.#find(url.pathname, form === undefined ? "GET" : "POST");
    if (route === undefined) return notFound(visit);
    if (!may(session.role, route.action)) {
      await this.#journal.write(session, "refused", { detail: route.action });
      return page(refusal(visit, route.action), 403);
    }
    return await route.answer(visit, { url, names, form });
  }

  #find(path: string, method: Route["method"]): [Route | undefined, readonly string[]] {
    for (const route of this.#routes.all) {
      const match = route.method === method ? route.path.exec(path) : null;
      if (match !== null) return [route, match.slice(1)];
    }
    return [undefined, []];
  }

  async #signOut({ session }: Visit): Promise<Reply> {
    await this.#journal.write(session, "signedOut");
    await this.#sessions.end(session.key);
    const said = { title: "Signed out", text: "Close the window, or sign in anew." };
    const shown = page(notice(undefined, said));
    return { ...shown, headers: { "Set-Cookie": this.#visitors.noCookie } };
  }
}

/** A browser sends the certificate wherever a foreign page leads it: its person is only known once they go on. */
const isLedHere = ({ headers }: IncomingMessage): boolean =>
  /^(?:cross|same)-site$/.test(String(headers["sec-fetch-site"]));

const isPost = ({ method }: IncomingMessage): boolean => method === "POST";

const closing = (reply: Reply): Reply => ({ ...reply, headers: { Connection: "close" } });
