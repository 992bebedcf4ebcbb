/** Connectors of Mirth that have no counterpart, each with what to do. @module */
import { type Draft, shown } from "./draft.ts";
import { textAt } from "./xml-tree.ts";

const ELSEWHERE = "let the platform do it, or leave it to another engine";

/** By the package of the Java class, or what Mirth calls the connector where a plug-in made it. */
const ADVICE: readonly (readonly [RegExp, string])[] = [
  [/\.vm\.|^Channel /, "channels do not feed each other here; let the platform pass messages on"],
  [/\.js\.|^JavaScript /, `scripts do not run here; ${ELSEWHERE}`],
  [/\.jdbc\.|^Database /, `this agent speaks to no database; ${ELSEWHERE}`],
  [/\.dimse\.|^DICOM /, "this agent carries no DICOM; keep a DICOM router for it"],
  [
    /\.http\.|\.ws\.|^(?:HTTP|Web Service|FHIR) /,
    `this agent speaks no HTTP to hospital systems; have them use MLLP or files, or ${ELSEWHERE}`,
  ],
  [
    /\.smtp\.|\.doc\.|\.jms\.|^(?:SMTP|Document|JMS) /,
    `this agent sends no mail to people, makes no documents and has no message broker; ${ELSEWHERE}`,
  ],
];

export function sayNoSuchConnector(draft: Draft): void {
  const { connector, properties } = draft;
  const kind = textAt(connector, "transportName");
  const known = ADVICE.find(([sign]) => sign.test(properties.className) || sign.test(kind));
  const advice =
    known?.[1] ??
    `this agent has MLLP and files, and nothing like it; have the peer use one of them, or ${ELSEWHERE}`;
  draft.missing(properties, `${shown(kind) || "a connector of another kind"}: ${advice}`);
}
