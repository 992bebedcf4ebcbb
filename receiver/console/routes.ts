/** Which path is what, and what it takes to get there. @module */
import type { Html } from "#pages/html.ts";
import { hourOf } from "#reconcile/hours.ts";
import { ReceiverError } from "../errors.ts";
import type { Clock } from "../host/clock.ts";
import { reportOf } from "../report/report.ts";
import type { WholeStore } from "../store/whole-store.ts";
import { type AgentFacts, agentFacts } from "./agent-facts.ts";
import { agentPage } from "./agent-page.ts";
import { type WaitPoint, waitsOf } from "./channel-facts.ts";
import type { ConsoleConfiguration } from "./configuration.ts";
import type { Agent, FleetReader } from "./fleet.ts";
import { fleetPage } from "./fleet-page.ts";
import type { Form } from "./form.ts";
import { HOURS_CHOICES, hoursPage } from "./hours-page.ts";
import type { About, Journal } from "./journal.ts";
import { notice, type Visit } from "./layout.ts";
import { lookUp } from "./look-up.ts";
import { lookUpPage, STRETCHES } from "./look-up-page.ts";
import { logPage, peoplePage } from "./people-page.ts";
import type { QuestionDesk } from "./question-desk.ts";
import { answerPage, handedIn, questionsPage } from "./questions-page.ts";
import { Recent } from "./recent.ts";
import { json, page, type Reply, seeOther } from "./reply.ts";
import { type Action, may } from "./roles.ts";
import { calledOf, isSamePerson, type Sessions } from "./sessions.ts";
import { Turn } from "./turn.ts";

export interface RoutesParts {
  readonly store: WholeStore;
  readonly clock: Clock;
  readonly configuration: ConsoleConfiguration;
  readonly fleet: FleetReader;
  readonly sessions: Sessions;
  readonly journal: Journal;
  readonly desk: QuestionDesk;
}

export interface Asking {
  readonly url: URL;
  /** Of the path, in order. */
  readonly names: readonly string[];
  /** Of a POST. */
  readonly form: Form | undefined;
}

export interface Route {
  readonly method: "GET" | "POST";
  readonly path: RegExp;
  readonly action: Action;
  readonly answer: (visit: Visit, asking: Asking) => Promise<Reply>;
}

const HOUR_MS = 3_600_000;
const LOG_PAGE_COUNT = 100;
const CONTROL_ID_MAX_LENGTH = 256;
const AGENT = "([a-z0-9-]{1,63})/([a-z0-9-]{1,63})";

export class Routes {
  readonly all: readonly Route[];
  readonly #parts: RoutesParts;
  /** What takes long is done for one person at a time. */
  readonly #turn = new Turn();
  readonly #facts: Recent<AgentFacts>;
  readonly #points: Recent<readonly WaitPoint[]>;

  constructor(parts: RoutesParts) {
    this.#parts = parts;
    this.#facts = new Recent(parts.clock);
    this.#points = new Recent(parts.clock);
    const get = (path: string, action: Action, answer: Route["answer"]): Route => ({
      ...{ method: "GET", path: new RegExp(`^${path}$`), action, answer },
    });
    const post = (path: string, action: Action, answer: Route["answer"]): Route => ({
      ...get(path, action, answer),
      method: "POST",
    });
    this.all = [
      get("/", "view", (visit, asking) => this.#fleet(visit, asking)),
      get(`/agents/${AGENT}`, "view", (visit, asking) => this.#agent(visit, asking)),
      get(`/waits/${AGENT}`, "view", (visit, asking) => this.#waits(visit, asking)),
      get(`/hours/${AGENT}`, "view", (visit, asking) => this.#hours(visit, asking)),
      get("/look-up", "lookUp", (visit, asking) => this.#lookUp(visit, asking)),
      post("/look-up", "lookUp", (visit, asking) => this.#lookUp(visit, asking)),
      get("/questions", "readAnswer", (visit) => this.#questions(visit)),
      post("/questions", "propose", (visit, asking) => this.#handIn(visit, asking)),
      post("/questions/decide", "decide", (visit, asking) => this.#decide(visit, asking)),
      get(`/answers/${AGENT}/([0-9a-f]{32})`, "readAnswer", (visit, asking) =>
        this.#answer(visit, asking),
      ),
      get("/people", "view", (visit) => this.#people(visit)),
      get("/log", "readLog", (visit, asking) => this.#log(visit, asking)),
      post("/sessions/end", "endSession", (visit, asking) => this.#endSession(visit, asking)),
    ];
  }

  async #fleet(visit: Visit, { url }: Asking): Promise<Reply> {
    await this.#parts.journal.viewed(visit.session, "fleet");
    const fleet = await this.#parts.fleet.read();
    const filter = (url.searchParams.get("filter") ?? "").slice(0, 127).toLowerCase();
    return page(fleetPage(visit, fleet, filter));
  }

  async #agent(visit: Visit, asking: Asking): Promise<Reply> {
    const { journal, store, desk } = this.#parts;
    const agent = await this.#named(asking);
    if (agent === undefined) return notFound(visit);
    await journal.viewed(visit.session, "agent", agent.name);
    const facts = await this.#facts.read(agent.name, () => agentFacts(store, agent, visit.nowMs));
    const mayRead = may(visit.session.role, "readAnswer");
    const asked = mayRead ? await desk.recent(agent.record) : undefined;
    return page(agentPage(visit, { agent, facts, asked }));
  }

  /** What a chart is drawn from: columns, as the library wants them; times in seconds. */
  async #waits(visit: Visit, asking: Asking): Promise<Reply> {
    const { store } = this.#parts;
    const agent = await this.#named(asking);
    if (agent === undefined) return notFound(visit);
    const channel = asking.url.searchParams.get("channel") ?? "";
    const points = await this.#points.read(`${agent.name} ${channel}`, async () => {
      const [found] = (await store.listChannels(agent.record.id, "")).filter(
        (one) => one.channel === channel && !channel.startsWith("$"),
      );
      const place = found && { ...found, agent: agent.record.id };
      return place === undefined ? [] : await waitsOf(store, place, visit.nowMs);
    });
    return json({
      at: points.map(({ atMs }) => Math.round(atMs / 1_000)),
      waited: points.map(({ waitedMs }) => waitedMs / 1_000),
    });
  }

  async #hours(visit: Visit, asking: Asking): Promise<Reply> {
    const { journal, store } = this.#parts;
    const agent = await this.#named(asking);
    if (agent === undefined) return notFound(visit);
    const asked = Number(asking.url.searchParams.get("hours"));
    const hours = HOURS_CHOICES.find((one) => one === asked) ?? HOURS_CHOICES[0];
    await journal.write(visit.session, "compared", {
      ...{ agent: agent.name, detail: `${hours} hours` },
    });
    const toHour = hourOf(visit.nowMs);
    const call = { fromHour: toHour - hours, toHour, channel: null };
    const report = await this.#turn.take(() => reportOf(store, agent.record, call));
    return report === undefined
      ? later(visit)
      : page(hoursPage(visit, { name: agent.name, report, call }));
  }

  async #lookUp(visit: Visit, { url, form }: Asking): Promise<Reply> {
    const { journal, store } = this.#parts;
    const { agents } = await this.#parts.fleet.read();
    const names = agents.map(({ name }) => name).toSorted();
    const wanted = form?.text("agent") ?? url.searchParams.get("agent") ?? "";
    const agent = agents.find(({ name }) => name === wanted) ?? agents[0];
    const [stretch] = STRETCHES.find(([one]) => String(one) === form?.text("hours")) ?? [24];
    // As it is stored: each byte is a character.
    const controlId = (form?.text("controlId") ?? "").slice(0, CONTROL_ID_MAX_LENGTH);
    const shown = { agents: names, agent: agent?.name ?? "", hours: stretch, controlId };
    if (form === undefined || agent === undefined || controlId === "") {
      await journal.viewed(visit.session, "lookUp");
      return page(lookUpPage(visit, shown, undefined));
    }
    const before = Number(form.text("before"));
    const beforeMs = before > 0 && before <= visit.nowMs ? before : visit.nowMs + HOUR_MS;
    const fromMs = visit.nowMs - stretch * HOUR_MS;
    const stored = Buffer.from(controlId, "utf8").toString("latin1");
    const call = { agent: agent.record, controlId: stored, fromMs, beforeMs };
    // Written down first: there is no look without a line.
    await journal.write(visit.session, "lookedUp", {
      ...{ agent: agent.name, detail: `${stretch} hours` },
    });
    const looked = await this.#turn.take(() => lookUp(store, call));
    if (looked === undefined) return later(visit);
    return page(lookUpPage(visit, shown, { ...looked, beforeMs: Math.min(beforeMs, visit.nowMs) }));
  }

  async #questions(visit: Visit): Promise<Reply> {
    const { desk, journal, fleet, configuration } = this.#parts;
    await journal.viewed(visit.session, "questions");
    const waiting = await desk.waiting(visit.nowMs);
    const agents = (await fleet.read()).agents.map(({ name }) => name).toSorted();
    const isApart = configuration.questions === "twoPeople";
    return page(questionsPage(visit, { waiting, agents, isApart }));
  }

  async #handIn(visit: Visit, { form }: Asking): Promise<Reply> {
    const { desk, journal } = this.#parts;
    const envelope = new Uint8Array(Buffer.from(form?.text("document").trim() ?? ""));
    const question = await desk.read(envelope);
    const { tenant, name, op, id } = question;
    const detail = `${op} ${id}`;
    await desk.makeSure(visit.session, visit.nowMs);
    await journal.write(visit.session, "questionHandedIn", { agent: `${tenant}/${name}`, detail });
    const { session, nowMs } = visit;
    await desk.propose(question, { envelope, author: session, nowMs });
    return page(handedIn(visit, question));
  }

  async #decide(visit: Visit, { form }: Asking): Promise<Reply> {
    const { desk, journal, configuration } = this.#parts;
    const { session, nowMs } = visit;
    const key = form?.text("key") ?? "";
    const found = await desk.find(key, nowMs);
    if (found === undefined) {
      return page(notice(visit, gone("Somebody has decided already, or it has expired.")), 409);
    }
    const isOwn = isSamePerson(found.author, session);
    const isSent = form?.text("decision") === "send";
    const about = { agent: `${found.tenant}/${found.name}`, detail: `${found.op} ${found.id}` };
    if (isSent && isOwn && configuration.questions === "twoPeople") {
      await journal.write(session, "refused", { ...about, detail: `send own ${about.detail}` });
      return page(notice(visit, gone("You have handed it in: somebody else sends it.")), 403);
    }
    await journal.write(session, isSent ? "questionSent" : "questionRejected", about);
    const isDone = isSent ? await this.#send(visit, key, about) : await desk.reject(key);
    if (!isDone) return page(notice(visit, gone("Somebody was faster.")), 409);
    return seeOther(isSent ? `/answers/${about.agent}/${found.id}` : "/questions");
  }

  async #send({ session, nowMs }: Visit, key: string, about: About): Promise<boolean> {
    const { desk, journal } = this.#parts;
    try {
      return (await desk.send(key, nowMs)) !== undefined;
    } catch (error) {
      await journal.write(session, "questionFailed", about);
      throw error;
    }
  }

  async #answer(visit: Visit, { names }: Asking): Promise<Reply> {
    const { desk, journal } = this.#parts;
    const [tenant = "", name = "", id = ""] = names;
    // One that is not there is no answer, and what was typed then is not written down.
    const answer = await this.#turn.take(() => desk.answer({ tenant, name }, id));
    if (answer === undefined) return later(visit);
    await journal.write(visit.session, "answerRead", { agent: `${tenant}/${name}`, detail: id });
    return page(answerPage(visit, `${tenant}/${name}`, { id, answer }));
  }

  async #people(visit: Visit): Promise<Reply> {
    const { journal, sessions, configuration } = this.#parts;
    await journal.viewed(visit.session, "people");
    return page(peoplePage(visit, configuration, await sessions.all(visit.nowMs)));
  }

  async #log(visit: Visit, { url }: Asking): Promise<Reply> {
    const { journal, store } = this.#parts;
    await journal.viewed(visit.session, "log");
    const asked = Number(url.searchParams.get("before") ?? Number.MAX_SAFE_INTEGER);
    const before = Number.isSafeInteger(asked) && asked > 0 ? asked : Number.MAX_SAFE_INTEGER;
    const found = await store.console.entries({ before, limit: LOG_PAGE_COUNT + 1 });
    const entries = found.slice(0, LOG_PAGE_COUNT);
    return page(logPage(visit, { entries, isMore: found.length > LOG_PAGE_COUNT }));
  }

  async #endSession(visit: Visit, { form }: Asking): Promise<Reply> {
    const { journal, sessions } = this.#parts;
    const key = form?.text("key") ?? "";
    const found = (await sessions.all(visit.nowMs)).find((one) => one.key === key);
    if (found !== undefined) {
      await journal.write(visit.session, "sessionEnded", { detail: calledOf(found) });
      await sessions.end(key);
    }
    return seeOther("/people");
  }

  async #named({ names }: Asking): Promise<Agent | undefined> {
    const [tenant = "", name = ""] = names;
    const { agents } = await this.#parts.fleet.read();
    return agents.find((one) => one.name === `${tenant}/${name}`);
  }
}

const gone = (text: string) => ({ title: "Not done", text, tone: "warning" }) as const;

export const notFound = (visit: Visit): Reply =>
  page(
    notice(visit, { title: "Nothing is here", text: "No page, or no agent of this name." }),
    404,
  );

const later = (visit: Visit): Reply =>
  page(notice(visit, gone("Somebody else is looking right now: try again in some seconds.")), 503);

/** What a person is told of a fault. */
export function faultPage(
  visit: Visit | undefined,
  error: unknown,
): { html: Html; status: number } {
  if (!(error instanceof ReceiverError)) {
    const text = "This page cannot be made: report it, with the receiver's log.";
    return { html: notice(visit, { title: "Defect", text, tone: "critical" }), status: 500 };
  }
  const status = error.code.startsWith("STORE_") ? 503 : 400;
  const said = { title: error.summary, text: `${error.remedy}.`, tone: "warning" } as const;
  return { html: notice(visit, said), status };
}
