/**
 * `holdfast enroll`: makes this machine the agent that a token is for (07 1.5). Needs no running agent, and disturbs
 * none: one that runs takes the new identity over when it is whole.
 *
 * @module
 */
import { closeSync, fstatSync, openSync, readFileSync, readSync, rmSync } from "node:fs";
import { type EnrolmentToken, parseToken, TOKEN_MAX_CHARACTERS } from "#certs/token.ts";
import { type LocalConfig, loadLocalConfig } from "#config/local.ts";
import { hospitalRole } from "../configuration/parts.ts";
import { AgentError, codeOf, type ErrorCode, type Identifier, identifierFrom } from "../errors.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { systemClock } from "../host/clock.ts";
import { keepAlive } from "../host/keep-alive.ts";
import { type Enrolled, type EnrolmentStep, enroll as enrollAt } from "../identity/enrolment.ts";
import { identityStore } from "../identity-desk.ts";
import { noteEnrolment } from "../marks/new-enrolment.ts";
import { receiverOptions } from "../receiver-options.ts";
import { anchorOf } from "./anchor-file.ts";
import { takeOver } from "./take-over.ts";
import { printFacts } from "./terminal.ts";

export interface EnrollOptions {
  readonly config: string;
  readonly tokenFile: string;
  /** Keys of another vendor, for a trial. */
  readonly anchor: string | undefined;
  readonly json: boolean;
  readonly credentials: string | undefined;
  /** A person gives up. */
  readonly stop: Promise<void>;
}

const STANDARD_INPUT = 0;

/** @throws {AgentError} see README's table: `TOKEN_…`, `ANCHOR_…`, `ENROLL_…`, `TUNNEL_…`, `IDENTITY_…` */
export async function enroll(options: EnrollOptions): Promise<ExitCode> {
  const config = loadLocalConfig(options.config);
  if (config.identity !== undefined) throw new AgentError("IDENTITY_IMPORTED", {});
  const token = readToken(options.tokenFile);
  const anchor = anchorOf(options.anchor);
  // Before a person has waited for another one, and a token is spent: it could only end in refusal.
  if (anchor.keys.size === 0) throw new AgentError("ANCHOR_ABSENT", {});
  const store = identityStore(config, options.credentials);
  const { receiverUrl, proxy } = receiverOptions(config);
  const giveUp = new AbortController();
  using _waiting = keepAlive();
  void options.stop.then(() => giveUp.abort());
  const way = { receiverUrl, proxy, clock: systemClock, signal: giveUp.signal };
  const onStep = (step: EnrolmentStep): void => say(step, receiverUrl.host);
  try {
    const hospitalKeys = hospitalKeysOf(config);
    const enrolled = await enrollAt({ token, way, store, anchor, hospitalKeys, onStep });
    noted(config, enrolled);
    // EN9
    const taken = await takeOver({ config, store, way, serialHex: enrolled.serialHex });
    if (taken.isWelcomed) eraseToken(options.tokenFile);
    printFacts(options.json, factsOf(enrolled, taken.isWelcomed), () =>
      lines(enrolled, token, config, taken),
    );
    return EXIT.ok;
  } catch (error) {
    if (giveUp.signal.aborted) throw given();
    sayInterception(error, receiverUrl);
    throw error;
  }
}

const hospitalKeysOf = ({ policy }: LocalConfig): Uint8Array[] => [
  ...hospitalRole(policy).keys.values(),
];

/** 07 2.12: what it ends, it ends once it is in use. */
function noted({ stateDir }: LocalConfig, { devicePublicKey }: Enrolled): void {
  try {
    noteEnrolment(stateDir, devicePublicKey);
  } catch (error) {
    throw failure("IDENTITY_NOT_WRITABLE", error);
  }
}

const given = (): AgentError => new AgentError("ENROLL_GIVEN_UP", {});

/** From a file that nobody else can read, or from standard input; never from an argument (07 1.4). */
function readToken(file: string): EnrolmentToken {
  const read = parseToken(file === "-" ? textOfStandardInput() : textOf(file));
  if (read.kind === "token") return read.token;
  throw new AgentError(read.why === "malformed" ? "TOKEN_MALFORMED" : "TOKEN_MISTYPED", {});
}

function textOfStandardInput(): string {
  try {
    return readFileSync(STANDARD_INPUT, "utf8");
  } catch (error) {
    throw failure("TOKEN_UNREADABLE", error);
  }
}

function textOf(file: string): string {
  const bytes = new Uint8Array(2 * TOKEN_MAX_CHARACTERS);
  let descriptor: number | undefined;
  try {
    descriptor = openSync(file, "r");
    const { mode } = fstatSync(descriptor);
    if (process.getuid !== undefined && (mode & 0o077) !== 0) {
      throw new AgentError("TOKEN_EXPOSED", { mode: octal(mode) });
    }
    return Buffer.from(bytes.subarray(0, readSync(descriptor, bytes))).toString("utf8");
  } catch (error) {
    throw failure("TOKEN_UNREADABLE", error);
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

const octal = (mode: number): Identifier => identifierFrom(`0${(mode & 0o777).toString(8)}`);

const failure = (code: ErrorCode, cause: unknown): AgentError =>
  cause instanceof AgentError ? cause : new AgentError(code, { sysCode: codeOf(cause) }, { cause });

/** EN9: it has been used; the receiver takes it no more. */
function eraseToken(file: string): void {
  // Optional: what is left of it opens nothing any more.
  if (file !== "-") rmSync(file, { force: true });
}

/** To standard error: standard output has the result alone. */
function say(step: EnrolmentStep, host: string): void {
  switch (step.step) {
    case "late":
      console.error(
        `By this machine's clock the token ended at ${step.expires}: the receiver decides`,
      );
      return;
    case "found":
      console.error(`Found the receiver at ${host}: its CA is the one that the token names`);
      return;
    case "waiting":
      console.error(`
  Code: ${step.code.slice(0, 3)} ${step.code.slice(3)}

Read it to the vendor, by a way that you trust (telephone). The vendor sees the same code and
confirms it; if theirs is another one, stop here with Ctrl-C. Waiting for the confirmation …`);
      return;
    case "interrupted":
      console.error(`Waiting goes on: ${step.error.summary} [${step.error.code}]`);
      return;
  }
}

/** 07 1.10, in the words that a network team needs. */
function sayInterception(error: unknown, { hostname, port }: URL): void {
  if (!(error instanceof AgentError) || error.code !== "TUNNEL_INTERCEPTED") return;
  const { issuer = "somebody unknown" } = error.facts;
  console.error(
    `TLS to ${hostname} is intercepted: the certificate was issued by ${issuer}, not by the Holdfast receiver CA. Ask the network team to exempt ${hostname}:${port === "" ? 443 : port} from TLS inspection.`,
  );
}

function factsOf({ serialHex, notAfterMs, trust }: Enrolled, isWelcomed: boolean) {
  const { version, issuedAt, digest } = trust;
  const notAfter = new Date(notAfterMs).toISOString();
  return { serial: serialHex, notAfter, isWelcomed, trust: { version, issuedAt, digest } };
}

function lines(
  { serialHex, notAfterMs, trust }: Enrolled,
  { tenant, agent }: EnrolmentToken,
  { stateDir }: LocalConfig,
  { isWelcomed, error }: { readonly isWelcomed: boolean; readonly error?: AgentError | undefined },
): string[] {
  const taken = isWelcomed
    ? ["The receiver takes the certificate. The token is used up."]
    : [
        `The certificate waits to be used: ${error?.summary ?? "no receiver has taken it yet"} [${error?.code ?? "-"}]`,
        `  ${error?.remedy ?? "The running agent shows it at its next connection"}`,
      ];
  return [
    `Enrolled as agent ${agent} of tenant ${tenant}; keys and certificate are in ${stateDir}/identity`,
    `  certificate ${serialHex}, until ${new Date(notAfterMs).toISOString()}; the agent renews it by itself`,
    "Compare this with the list that the vendor publishes:",
    `  trust document ${trust.version} of ${trust.issuedAt}`,
    `  ${trust.digest}`,
    ...taken,
  ];
}
