/**
 * `holdfast config check`: what `local.yaml` says about signed configuration, and whether it would forbid something of
 * what is in effect or of a bundle. Needs no running agent.
 *
 * @module
 */
import { dirname, resolve } from "node:path";
import { type LocalConfig, loadLocalConfig } from "#config/local.ts";
import { ownAccount, protectionFault } from "#config/local-file.ts";
import { type PolicyBreach, whatPolicyForbids } from "#config/policy-check.ts";
import { judgeBody } from "#config/signed-body.ts";
import { readBundle } from "#documents/bundle.ts";
import { readEnvelope } from "#documents/envelope.ts";
import { BUNDLE_MAX_BYTES } from "#documents/limits.ts";
import { parsePayload } from "#documents/payload.ts";
import { digestOf } from "#documents/verify.ts";
import { bundleFault } from "../configuration/outcomes.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { readOnce } from "../host/read-once.ts";
import { readLastGood } from "../marks/last-good.ts";
import { escaped, printFacts } from "./terminal.ts";

export interface CheckOptions {
  readonly config: string;
  readonly json: boolean;
  /** A bundle; absent: what is kept as last known good. */
  readonly file?: string | undefined;
}

interface CheckedBody {
  readonly of: "bundle" | "lastGood";
  /** Whom it is for, by its own word. */
  readonly tenant: string;
  readonly agent: string;
  readonly seq: number;
  /** Of the payload, hexadecimal. */
  readonly digest: string;
  readonly problems: readonly string[];
}

/** @returns 65 if something would be forbidden, 78 if `local.yaml` itself cannot be believed */
export async function configCheck(options: CheckOptions): Promise<ExitCode> {
  const config = loadLocalConfig(options.config);
  const account = ownAccount();
  const unprotected =
    account === undefined
      ? undefined
      : protectionFault(options.config, config.configSource, account);
  const checked = checkedBody(options, config);
  const facts = { configSource: config.configSource, policy: config.policy, unprotected, checked };
  printFacts(options.json, facts, () => lines(config, unprotected, checked));
  if (unprotected !== undefined) return EXIT.configuration;
  return (checked?.problems.length ?? 0) > 0 ? EXIT.badData : EXIT.ok;
}

function checkedBody(options: CheckOptions, config: LocalConfig): CheckedBody | undefined {
  const { file } = options;
  const of = file === undefined ? "lastGood" : "bundle";
  const bytes =
    file === undefined ? readLastGood(config.stateDir) : readOnce(file, BUNDLE_MAX_BYTES);
  if (typeof bytes === "string") return undefined;
  const bundle = readBundle(bytes);
  if ("kind" in bundle) throw bundleFault(bundle);
  if (bundle.config === undefined) return undefined;
  const envelope = readEnvelope(bundle.config, "config");
  if ("kind" in envelope) throw bundleFault(envelope);
  // Nobody's signature is looked at here: it is only said what would be forbidden.
  const parsed = parsePayload("config", envelope.payload);
  if (parsed.kind === "refused") throw bundleFault(parsed);
  const { tenant, agent, seq, body } = parsed.document;
  const named = { of, tenant, agent, seq, digest: digestOf(envelope.payload) } as const;
  const judged = judgeBody(body);
  if (judged.kind === "unfit") {
    return {
      ...named,
      problems: judged.problems.map(({ path, message }) => `${path}: ${message}`),
    };
  }
  const kek = config.kek.custody === "credential" ? [] : [dirname(config.kek.file)];
  const reserved = [config.stateDir, ...kek, dirname(resolve(options.config))];
  const breaches = whatPolicyForbids(judged.body, config.policy, { reserved });
  return { ...named, problems: breaches.map(textOf) };
}

const textOf = ({ rule, place, message }: PolicyBreach): string => `${rule}: ${place} ${message}`;

function lines(
  { configSource, policy }: LocalConfig,
  unprotected: string | undefined,
  checked: CheckedBody | undefined,
): string[] {
  const { approval, changeWindows, probationMinutes } = policy;
  const { mode, hospitalKeys, hospitalKeyThreshold, standingClasses } = approval;
  const keys =
    hospitalKeys.length === 0
      ? ""
      : `, ${hospitalKeyThreshold} of ${hospitalKeys.length} hospital keys`;
  const standing = mode === "standing" ? `, by itself: ${standingClasses.join(", ")}` : "";
  return [
    `channels come from: ${configSource === "local" ? "local.yaml" : "signed configuration"}`,
    `approval: ${mode}${standing}${keys}`,
    `change windows: ${changeWindows.length === 0 ? "any time" : changeWindows.map(windowText).join("; ")}`,
    `probation: ${probationMinutes} minutes`,
    listed("may listen on", policy.listenAddresses),
    listed("on ports", policy.listenPorts),
    listed("may take senders from", policy.sourceNetworks),
    listed("may use folders in", policy.folderRoots),
    listed("may deliver to", policy.destinations),
    ...(unprotected === undefined ? [] : [`NOT PROTECTED: ${unprotected}`]),
    ...(checked === undefined ? [] : checkedLines(checked)),
  ];
}

function checkedLines({ of, problems, ...named }: CheckedBody): string[] {
  const what =
    of === "bundle" ? "the configuration in the bundle" : "the last known good configuration";
  // Nothing here knows whose agent this is, or has looked at a signature: nobody should read that as a yes.
  const about = `  number ${named.seq} for ${named.tenant}/${named.agent}, ${named.digest}${of === "bundle" ? "; signatures and recipient are judged by config import" : ""}`;
  return problems.length === 0
    ? [`${what} asks for nothing that this file forbids`, about]
    : [`FORBIDDEN in ${what}:`, about, ...problems.map((line) => `  ${escaped(line)}`)];
}

const windowText = ({ days, from, to, zone }: LocalConfig["policy"]["changeWindows"][number]) =>
  `${days.join(",")} ${from}-${to} ${zone}`;

const listed = (what: string, all: readonly (string | number)[]): string =>
  `${what}: ${all.length === 0 ? "nothing" : all.map((one) => escaped(String(one))).join(", ")}`;
