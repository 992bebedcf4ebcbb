/** The channels that `doctor` looks at: those of the file, and those that run without being in it. @module */
import { AgentError } from "../errors.ts";
import type { ChannelSet } from "../running/channel-set.ts";
import { question } from "./question.ts";

/** @returns the set of the agent that runs on a state folder; `undefined` if none does, or this account may not ask */
export async function runningSet(stateDir: string): Promise<ChannelSet | undefined> {
  try {
    const found = (await question(stateDir, { ask: "running" })) as Partial<ChannelSet>;
    return isWhole(found) ? found : undefined;
  } catch (error) {
    if (error instanceof AgentError) return undefined;
    throw error;
  }
}

/** An agent of another version may say something else. */
const isWhole = (found: Partial<ChannelSet>): found is ChannelSet =>
  [found.channels, found.drops, found.senders, found.folderSenders].every(Array.isArray);

/** What the file says of a name counts: it may be looked at before a restart brings it. */
export function joined(file: ChannelSet, running: ChannelSet | undefined): ChannelSet {
  if (running === undefined) return file;
  const { channels, drops, senders, folderSenders } = file;
  const names = new Set([...channels, ...drops, ...senders, ...folderSenders].map(nameOf));
  const more = <One extends { readonly name: string }>(all: readonly One[]): One[] =>
    all.filter(({ name }) => !names.has(name));
  return {
    channels: [...channels, ...more(running.channels)],
    drops: [...drops, ...more(running.drops)],
    senders: [...senders, ...more(running.senders)],
    folderSenders: [...folderSenders, ...more(running.folderSenders)],
  };
}

const nameOf = ({ name }: { readonly name: string }): string => name;
