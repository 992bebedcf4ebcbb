/** `holdfast enroll` and `holdfast identity …`: how they are asked. @module */
import type { Command } from "commander";
import { later } from "./later.ts";
import { type Act, configOption, jsonOption } from "./options.ts";

const enroll = later(() => import("../cli/enroll.ts"), "enroll");
const identityImport = later(() => import("../cli/identity.ts"), "identityImport");
const identityRenew = later(() => import("../cli/identity.ts"), "identityRenew");
const identityShow = later(() => import("../cli/identity.ts"), "identityShow");

export interface IdentityCommands {
  readonly root: Command;
  /** `holdfast identity`. */
  readonly identity: Command;
  readonly choose: (act: Act) => void;
  /** `$CREDENTIALS_DIRECTORY`. */
  readonly credentials: string | undefined;
  /** Listens for the signals that stop a program. */
  readonly stopSignals: () => { readonly stop: Promise<void> };
}

export function addIdentityCommands({
  root,
  identity,
  choose,
  credentials,
  stopSignals,
}: IdentityCommands): void {
  root
    .command("enroll")
    .description("make this machine the agent that a token of the vendor is for")
    .requiredOption(
      "--token-file <file>",
      "the token, in a file of mode 0600; - for standard input",
    )
    .option("--anchor <file>", "for trials: trust keys other than those of this program")
    .addOption(configOption())
    .addOption(jsonOption())
    .action((options) => {
      const { stop } = stopSignals();
      choose(() => enroll({ ...options, credentials, stop }));
    });
  identity
    .command("show")
    .description("certificate, end, renewal; what comes next, what was before")
    .addOption(configOption())
    .addOption(jsonOption())
    .action((options) => choose(() => identityShow({ credentials, ...options })));
  identity
    .command("renew")
    .description("have the running agent renew its certificate now")
    .addOption(configOption())
    .addOption(jsonOption())
    .action((options) => choose(() => identityRenew({ credentials, ...options })));
  identity
    .command("import-p12")
    .description("take an identity that was issued elsewhere; the agent cannot renew it")
    .argument("<file>", "PKCS#12, with one key on P-256 and its certificate")
    .requiredOption(
      "--password-file <file>",
      "its password, alone on one line, in a file of mode 0600; - for standard input",
    )
    .requiredOption("--receiver-ca <file>", "PEM: the CA of the receiver")
    .addOption(configOption())
    .addOption(jsonOption())
    .action((file, options) => choose(() => identityImport({ file, credentials, ...options })));
}
