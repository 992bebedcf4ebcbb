/** Defects of the console (01 "Receive") that the named tests must notice. @module */
import type { Mutant, NamedTests } from "./mutants.ts";

const GATE: NamedTests = { file: "test/receiver/console/gate.test.ts" };
const SESSIONS: NamedTests = { file: "test/receiver/console/sessions.test.ts" };
const PAGES: NamedTests = { file: "test/receiver/console/pages.test.ts" };
const CERTIFICATES: NamedTests = { file: "test/receiver/console/certificates.test.ts" };
const STORE: NamedTests = { file: "test/receiver/store/console-store.test.ts" };

const mutant = (
  id: string,
  file: string,
  [search, replacement]: readonly [string, string],
  ...caughtBy: readonly NamedTests[]
): Mutant => ({ id, edits: [{ file, search, replacement }], caughtBy });

const SESSIONS_FILE = "receiver/console/sessions.ts";
const CONVERSATION = "receiver/console/conversation.ts";
const VISITORS = "receiver/console/visitors.ts";
const ROUTES = "receiver/console/routes.ts";

export const CONSOLE_MUTANTS: readonly Mutant[] = [
  mutant(
    "console: a form needs no origin",
    "receiver/console/gate.ts",
    ["isPost ? origin !== own :", "isPost ? origin !== own && origin !== undefined :"],
    GATE,
  ),
  mutant(
    "console: a link of any age lets in",
    SESSIONS_FILE,
    ["taken.item.expiresMs <= nowMs", "taken.item.expiresMs <= 0"],
    SESSIONS,
  ),
  mutant(
    "console: a session does not end while somebody looks",
    SESSIONS_FILE,
    ["Math.min(rest.createdMs + SESSION_MS, rest.seenMs + IDLE_MS)", "rest.seenMs + IDLE_MS"],
    SESSIONS,
  ),
  mutant(
    "console: the token of a form is not looked at",
    CONVERSATION,
    ["form !== undefined && !isFormToken(", "form === undefined && !isFormToken("],
    PAGES,
  ),
  mutant(
    "console: a role is not looked at",
    CONVERSATION,
    ["!may(session.role, route.action)", 'session.role === ("none" as string)'],
    PAGES,
  ),
  mutant(
    "console: a certificate that nobody of ours has issued is known by its digest",
    "receiver/console/certificate.ts",
    ["|| !socket.authorized", ""],
    CERTIFICATES,
  ),
  mutant(
    "console: a cookie is enough without its certificate",
    VISITORS,
    ["person === undefined || shown !== session.certificate", "person === undefined"],
    CERTIFICATES,
  ),
  mutant(
    "console: whoever hands a question in sends it",
    ROUTES,
    ["isSent && isOwn &&", "isSent && !isOwn &&"],
    CERTIFICATES,
  ),
  mutant(
    "console: what was typed is written down",
    ROUTES,
    ["agent.name, detail: `$" + "{stretch} hours`", "agent.name, detail: controlId"],
    PAGES,
  ),
  mutant(
    "console: a node that hears late undoes a newer session",
    "receiver/store/sqlite/console-statements.ts",
    ["WHERE agent = ? AND session = ?", "WHERE agent = ? AND session <= 9 + ?"],
    STORE,
  ),
];
