/** The hospital's mail server, by nodemailer: one connection for each mail, its certificate checked. @module */
import { readFileSync, statSync } from "node:fs";
import { isIP } from "node:net";
import { AgentError, codeOf } from "../errors.ts";
import type { Mail } from "./alarm-mail.ts";

/** The `mail` block of `local.yaml`; paths are absolute. */
export interface MailSettings {
  readonly host: string;
  readonly port: number;
  /** `none`: in clear, as some relays inside a hospital still have it; then there is no password. */
  readonly tls: "starttls" | "implicit" | "none";
  /** The only CAs whose certificates are accepted; absent: those that Node knows. */
  readonly caFile?: string | undefined;
  readonly from: string;
  readonly to: readonly string[];
  readonly user?: string | undefined;
  readonly passwordFile?: string | undefined;
}

const CONNECT_MS = 10_000;
const SILENCE_MS = 30_000;
const FILE_MAX_BYTES = 1_048_576;
/** Rights that nobody but the account itself may have. */
const OTHERS = 0o077;

/**
 * @returns sends one mail to all of `to`; files are read anew for each, so that a new password needs no restart
 * @throws {AgentError} `MAIL_CREDENTIALS` when it is asked to send; or an error of nodemailer's, of which only the
 *   `code` may be looked at
 */
export function mailServer(settings: MailSettings): (mail: Mail) => Promise<void> {
  const { host, port, tls, from, to } = settings;
  return async ({ subject, text, messageId }) => {
    // Loaded by the first mail: most agents send none, and its memory is not small.
    const { createTransport } = await import("nodemailer");
    const transport = createTransport({
      ...{ host, port, secure: tls === "implicit" },
      ...{ requireTLS: tls === "starttls", ignoreTLS: tls === "none" },
      ...{ connectionTimeout: CONNECT_MS, greetingTimeout: CONNECT_MS, socketTimeout: SILENCE_MS },
      ...{ disableFileAccess: true, disableUrlAccess: true, ...authOf(settings) },
      tls: {
        ...{ minVersion: "TLSv1.2", rejectUnauthorized: true, ...caOf(settings) },
        // The name of a certificate is never an address (RFC 6066 section 3).
        ...(isIP(host) === 0 ? { servername: host } : {}),
      },
    });
    try {
      const headers = { "Auto-Submitted": "auto-generated" };
      await transport.sendMail({ from, to: [...to], subject, text, messageId, headers });
    } finally {
      transport.close();
    }
  };
}

function authOf({ user, passwordFile }: MailSettings) {
  if (user === undefined || passwordFile === undefined) return {};
  const [pass = "", ...more] = read(passwordFile, OTHERS).split(/\r?\n/);
  if (pass === "" || more.some((line) => line !== "")) throw new AgentError("MAIL_CREDENTIALS", {});
  return { auth: { user, pass } };
}

const caOf = ({ caFile }: MailSettings) => (caFile === undefined ? {} : { ca: read(caFile, 0) });

/** @param forbidden bits of the mode that make it unusable */
function read(file: string, forbidden: number): string {
  try {
    const { size, mode } = statSync(file);
    if (size <= FILE_MAX_BYTES && (mode & forbidden) === 0) return readFileSync(file, "utf8");
  } catch (cause) {
    throw unreadable(cause);
  }
  throw new AgentError("MAIL_CREDENTIALS", {});
}

const unreadable = (cause: unknown): AgentError =>
  new AgentError("MAIL_CREDENTIALS", { sysCode: codeOf(cause) }, { cause });
