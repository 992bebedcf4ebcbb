/**
 * What is wrong right now. A part opens a condition and closes it; absence means healthy.
 *
 * @module
 */
import type { Facts } from "../errors.ts";
import type { Clock, Timer } from "../host/clock.ts";

/** Everything that can be wrong while the agent runs, with what a person does about it. */
export const CONDITIONS = {
  storeFailing: "Messages are not accepted: free space or repair the disk of the state directory",
  listenerClosed:
    "The port of a channel was taken while it was closed: stop the program that took it",
  quarantineFull: "Blocks that are no messages cannot be kept any more: find their sender",
  tunnelDown:
    "The receiver is not reached: messages are kept; check network, certificate, receiver",
  clockSkewed:
    "This machine's clock and the receiver's differ: compare it with a good one, and let NTP keep it",
  identityRefused:
    "The receiver refuses this agent's certificate: messages are kept; see the code of the fact, and status",
  renewalFailing:
    "The agent's certificate could not be renewed: it is tried again; see the code of the fact",
  renewalOverdue:
    "The agent's certificate ends soon and was not renewed: see why with holdfast identity show, before it ends",
  channelHeld: "A channel is held: its messages are kept and not sent; see the code of the fact",
  channelParted:
    "The receiver held other messages under a channel's numbers: what is unsettled is sent again under new ones",
  gapSent:
    "The receiver was told of messages that will not come to it; the facts say which and why: see that somebody knows",
  storeRolledBack:
    "The store is older than it was, or new: ask the receiver what it has of the missing range (export), and the senders for the rest",
  messageDamaged:
    "Stored messages are damaged, the facts say which: a channel stops before one that has not left; check the disk, then: holdfast channel skip",
  channelFull:
    "A channel holds its share of the disk budget: its senders are not read from until messages leave",
  outboxFilling:
    "The store fills its disk budget: see that the receiver is reached, or raise diskBudgetBytes",
  diskLow:
    "The disk is nearly full: free space; no message is taken meanwhile, stored ones go on leaving",
  walGrowing:
    "The store's log cannot be brought into its file: check the disk, then restart the agent",
  tooManyConnections:
    "A channel has all connections it allows: find who holds them, or raise maxConnections",
  certificateExpiring: "The TLS certificate of a channel ends soon: put a new one in its place",
  malformedAccepted:
    "A channel tells senders AA for blocks that are no messages (malformedReply: accept)",
  openToAllInterfaces: "A channel listens for plain MLLP on all interfaces: set host",
  messageTooLarge: "A sender sends a message over the limit: raise maxBlockBytes or split it there",
  auditUnwritable:
    "The audit cannot take entries, changes are refused: free space or repair the disk of the state directory",
  auditBroken:
    "The audit is not what was written (facts: which entry): keep the state directory, compare with a head: holdfast audit verify",
  trustRollback:
    "Trust state is older than it was, or damaged: nothing is changed until a person runs holdfast config repair",
  configFrozen:
    "Signed configuration is not changed until a person runs holdfast config repair; the fact says why",
  configNotRunning:
    "The configuration that should run cannot be opened, and is tried again: see the code of the fact",
  configStale:
    "A newer configuration exists for a day and has not come: ask the vendor, or import it from a stick",
  headStale:
    "Nobody has said for days which configuration is the newest: a newer one may be held back; ask the vendor",
  clockSuspect:
    "This machine's clock is behind the newest signed document: compare it with a good one",
  lastGoodUnwritable:
    "The last known good configuration cannot be kept beside the store: free space or check the rights of stateDir/trust",
  policyForbids:
    "The policy in local.yaml forbids a channel of the configuration in effect, which is closed: see holdfast config check",
  marksUnwritable:
    "The trust marks beside the store cannot be written: free space or check the rights of stateDir/trust",
  siemUnreachable:
    "The SIEM does not take audit heads: they are kept in order; check host, port, caFile under siem",
  statusPageClosed:
    "The status page cannot be opened: free its port or name another one under statusPage; messages flow",
  statusPageExposed:
    "The status page can be read by others in the network, unencrypted: set statusPage.host to 127.0.0.1",
  volatileState: "The store is on a file system that does not survive a reboot: for trials only",
  endpointUnreachable:
    "A hospital system cannot be connected to: its messages are kept; check host, port, TLS, firewall",
  endpointSilent:
    "A hospital system takes messages and does not reply: they are sent again without end; look at it",
  endpointRefuses:
    "A hospital system refuses a message that is sent again for ever: look at its log, or change onError, onReject",
  deliveryHeld:
    "A hospital system refused a message, it is damaged, or a file has its name: its channel waits until a person decides",
  deliveryQuarantined:
    "A message was set aside instead of being delivered; the receiver was told, the facts say why",
  folderUnreachable:
    "A folder cannot be reached, or is not the one it was: check the share or disk; see the facts, and holdfast doctor",
  fileDropEnded:
    "A channel takes no more files, by a defect or because the store ended: restart the agent, and report the code",
  stableTooShort:
    "stableForSeconds of a channel is below 30 on NFS, where times and sizes are cached for so long: leave it out",
  foldersWritable:
    "Senders may write into the work, archive or error folder of a channel: only the drop folder should be theirs",
  folderFilling:
    "A drop folder holds many files, or subfolders that are not looked into (facts: unseen), for there are too many or this account may not read them: see why they are not taken",
  fileRefused:
    "Something in a drop folder is no plain file (a link, a second name, a pipe): find who puts it there",
  fileGrowing: "A file keeps changing and is not taken: look at its sender",
  fileOrphaned:
    "A temporary file lies in a drop folder: its sender may have died before its rename",
  fileUnpaired: "Data without its control file, or the other way round: look at the sender",
  controlFileAmbiguous: "A control file fits several files, and none is taken: look at the sender",
  fileBusy: "A file is held open by another program and is not taken: find which",
  fileUnreadable: "A file cannot be looked at or taken: check its rights",
  fileQuarantined: "A file was set aside in the error folder; beside it lies why",
  fileVanished:
    "A file went from the work folder before it was moved on (a virus scanner?): exclude work/ there",
  fileNotMoved:
    "Files cannot be moved to the archive or error folder: check its rights and its disk",
  lateWrite:
    "A file was written to after it was taken: its new content lies in the error folder, if it could be copied; tell its sender",
  applicationAckMissing:
    "A hospital system accepted a message and never said what became of it: ask there",
  targetUnreachable:
    "Files cannot be written into the folder of a channel: its messages are kept; the facts say at what step and why; check share, mount and rights, with: holdfast doctor",
  targetFull:
    "There is no room for the files of a channel: its messages are kept; free space where its folder is",
  filesNotCollected:
    "Files of a channel lie in its folder for longer than pickupAlarmSeconds: look at the system that should take them",
  openToAll: "A channel accepts plain MLLP from every address: restrict allow",
} as const satisfies Record<string, string>;
export type ConditionName = keyof typeof CONDITIONS;

export interface OpenCondition {
  readonly condition: ConditionName;
  /** What it is about: a channel's name, or empty. */
  readonly subject: string;
  readonly sinceMs: number;
  readonly facts: Facts;
  readonly remedy: string;
}

/** The one list of what is wrong. Opening twice and closing twice are harmless. */
export class Conditions {
  readonly #open = new Map<string, OpenCondition>();
  readonly #ends = new Map<string, Timer>();

  open(condition: ConditionName, subject: string, facts: Facts, nowMs: number): void {
    const key = `${condition} ${subject}`;
    this.#endTimer(key);
    const sinceMs = this.#open.get(key)?.sinceMs ?? nowMs;
    const remedy = CONDITIONS[condition];
    this.#open.set(key, { condition, subject, sinceMs, facts, remedy });
  }

  /**
   * For what happens rather than lasts: stays open until `durationMs` have passed without another case,
   * long enough for a person to see it.
   */
  openFor(
    condition: ConditionName,
    subject: string,
    facts: Facts,
    clock: Clock,
    durationMs: number,
  ): void {
    this.open(condition, subject, facts, clock.nowMs());
    const key = `${condition} ${subject}`;
    this.#ends.set(
      key,
      clock.after(durationMs, () => this.close(condition, subject)),
    );
  }

  close(condition: ConditionName, subject: string): void {
    this.#open.delete(`${condition} ${subject}`);
    this.#endTimer(`${condition} ${subject}`);
  }

  #endTimer(key: string): void {
    this.#ends.get(key)?.[Symbol.dispose]();
    this.#ends.delete(key);
  }

  list(): readonly OpenCondition[] {
    return [...this.#open.values()];
  }
}
