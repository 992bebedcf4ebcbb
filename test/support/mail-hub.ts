/** A hospital's mail server: a real SMTP server in this process, which keeps what it takes. @module */
import type { AddressInfo } from "node:net";
import { SMTPServer } from "smtp-server";
import type { IssuedIdentity } from "#certs/development-ca.ts";

export interface TakenMail {
  readonly from: string;
  readonly to: readonly string[];
  readonly source: string;
  readonly isSecure: boolean;
  readonly user: string | undefined;
}

export interface MailHubOptions {
  readonly identity: IssuedIdentity;
  /** TLS from the first byte. */
  readonly isImplicit?: boolean;
  /** It offers no STARTTLS. */
  readonly isPlain?: boolean;
  /** Without them it asks for none. */
  readonly login?: { readonly user: string; readonly password: string };
  readonly port?: number;
}

export class MailHub implements AsyncDisposable {
  readonly mails: TakenMail[] = [];
  readonly #server: SMTPServer;
  #port = 0;

  private constructor({ identity, isImplicit, isPlain, login }: MailHubOptions) {
    this.#server = new SMTPServer({
      ...{ key: identity.privateKeyPem, cert: identity.certificatePem },
      ...{
        secure: isImplicit === true,
        disabledCommands: isPlain === true ? ["STARTTLS"] : [],
        authOptional: login === undefined,
      },
      onAuth: ({ username, password }, _session, done) => {
        const isRight = username === login?.user && password === login?.password;
        if (isRight) done(null, { user: username });
        else done(new Error("refused"));
      },
      onData: (stream, session, done) => {
        const chunks: Buffer[] = [];
        stream.on("data", (chunk: Buffer) => chunks.push(chunk));
        stream.on("end", () => {
          const { mailFrom, rcptTo } = session.envelope;
          this.mails.push({
            from: mailFrom === false ? "" : mailFrom.address,
            to: rcptTo.map(({ address }) => address),
            source: Buffer.concat(chunks).toString("utf8"),
            isSecure: session.secure,
            user: session.user,
          });
          done();
        });
      },
    });
    // A client that hangs up is its own matter.
    this.#server.on("error", () => {});
  }

  static async open(options: MailHubOptions): Promise<MailHub> {
    const hub = new MailHub(options);
    const { promise, resolve } = Promise.withResolvers<void>();
    hub.#server.listen(options.port ?? 0, "127.0.0.1", resolve);
    await promise;
    hub.#port = (hub.#server.server.address() as AddressInfo).port;
    return hub;
  }

  get port(): number {
    return this.#port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    await promise;
  }
}
