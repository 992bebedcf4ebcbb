/** Why messages wait, in a few words: the first reason that is true, from the nearest to the farthest. @module */
import type { ConditionName } from "../health/conditions.ts";
import type { AgentStatus, ChannelStatus } from "../status.ts";

type Delivery = AgentStatus["deliveries"][number];

/** `calm`: nothing for anybody to do. */
export interface Reason {
  readonly text: string;
  readonly isCalm: boolean;
}

const trouble = (text: string): Reason => ({ text, isCalm: false });
const calm = (text: string): Reason => ({ text, isCalm: true });

/** Of a channel whose messages go to the receiver; `undefined` if nothing waits. */
export function waitingUpward(
  { name, waiting, draining, movingTo }: ChannelStatus,
  status: AgentStatus,
): Reason | undefined {
  if (waiting === 0n) return undefined;
  if (isOpen("messageDamaged", name, status)) {
    return trouble(
      "a stored message is damaged: the channel stops before it, see holdfast channel skip",
    );
  }
  const held = factOf("channelHeld", name, status);
  if (held !== undefined) return trouble(`the channel is held (${held})`);
  const { state, reason, nextAttemptInSeconds } = status.tunnel;
  if (movingTo !== undefined)
    return calm("being numbered anew, for the receiver held other messages");
  if (state === "heldDown") return calm("an outage drill holds the tunnel down");
  if (state === "throttled") return calm("no credit: the receiver or the line is the slower side");
  if (state !== "streaming") {
    const why = reason === undefined ? "" : `, ${reason}`;
    const next =
      nextAttemptInSeconds === undefined ? "" : `; next attempt in ${nextAttemptInSeconds} s`;
    return trouble(
      `the tunnel is ${state === "sticky" ? "refused" : "down"} (${state}${why})${next}`,
    );
  }
  if (draining.length > 0) return calm("earlier epochs leave first");
  return calm("on their way");
}

/** Why senders of a channel are not read from, or not let in; `undefined` if they are. */
export function notTaking(
  { name, configured, listening, folder, waiting }: ChannelStatus,
  status: AgentStatus,
): Reason | undefined {
  if (!configured) {
    return calm(
      waiting === 0n
        ? "not configured any more"
        : "not configured any more; what is left goes on leaving",
    );
  }
  if (isOpen("storeFailing", "", status) || isOpen("diskLow", "", status)) {
    return trouble("the store cannot take messages: nothing is accepted, nothing acknowledged");
  }
  if (isOpen("channelFull", name, status)) {
    return trouble(
      "no room: the channel holds its share of the disk budget, and its senders are not read from",
    );
  }
  if (isOpen("listenerClosed", name, status)) return trouble("another program has taken the port");
  if (folder !== undefined && folder.state !== "watching") {
    return folder.state === "starting"
      ? calm("looking for the folder")
      : trouble(
          `the folder is ${folder.state}: ${folder.summary ?? folder.lastError ?? "no error known"}`,
        );
  }
  return listening ? undefined : trouble("the port is closed");
}

const DELIVERY_STATES: Readonly<Record<string, Reason>> = {
  held: trouble("held: a person decides with holdfast channel release"),
  unreachable: trouble("the folder cannot be written to"),
  full: trouble("there is no room in the folder"),
  connecting: calm("connecting to the hospital system"),
  awaitingReply: calm("waiting for the reply of the hospital system"),
  closed: trouble("the channel is closed"),
};

/** Of a channel that delivers to a hospital system. */
export function waitingDownward(
  { name, configured, waiting, state, awaitingAcknowledgment }: Delivery,
  status: AgentStatus,
): Reason | undefined {
  if (!configured)
    return waiting === 0 ? undefined : calm("not configured: they stay, and go to nobody");
  if (isOpen("endpointSilent", name, status))
    return trouble("the hospital system takes them and does not reply");
  if (isOpen("endpointRefuses", name, status))
    return trouble("the hospital system refuses the next one, again and again");
  if (isOpen("endpointUnreachable", name, status))
    return trouble("the hospital system cannot be connected to");
  const known = state === undefined ? undefined : DELIVERY_STATES[state];
  if (known?.isCalm === false) return known;
  if (waiting === 0) return undefined;
  if (waiting === awaitingAcknowledgment)
    return calm("accepted there; the application acknowledgment is due");
  if (state === "backingOff") return trouble("the last try failed; it is tried again");
  return known ?? calm("on their way");
}

function isOpen(condition: ConditionName, subject: string, { conditions }: AgentStatus): boolean {
  return conditions.some((one) => one.condition === condition && one.subject === subject);
}

/** The code beside a condition, or that there is none; `undefined` if it is not open. */
function factOf(
  name: ConditionName,
  subject: string,
  { conditions }: AgentStatus,
): string | undefined {
  const found = conditions.find((one) => one.condition === name && one.subject === subject);
  return found && String(found.facts["code"] ?? "no code");
}
