/** `holdfast channel hold` and `release`: how they are asked. @module */
import { type Command, Option } from "commander";
import { later } from "./later.ts";
import { type Act, configOption, jsonOption } from "./options.ts";

const channelHold = later(() => import("../cli/channel-hold.ts"), "channelHold");
const channelUnhold = later(() => import("../cli/channel-hold.ts"), "channelUnhold");
const channelRelease = later(() => import("../cli/channel-release.ts"), "channelRelease");

export function addHoldCommands(channel: Command, choose: (act: Act) => void): void {
  channel
    .command("hold")
    .description(
      "send or deliver nothing more of a channel; it goes on accepting, and survives restarts",
    )
    .argument("<name>", "of any channel")
    .addOption(configOption())
    .addOption(jsonOption())
    .action((name, options) => choose(() => channelHold({ channel: name, ...options })));
  channel
    .command("release")
    .description("end a hold by hand; or decide about the message that a delivering channel holds")
    .argument("<name>", "with --decision: a channel of kind mllp-sender or folder (status: held)")
    .addOption(
      new Option(
        "--decision <what>",
        "of the held message: send it again, or set it aside and go on behind it",
      ).choices(["retry", "quarantine"]),
    )
    .addOption(configOption())
    .addOption(jsonOption())
    .action((name, { decision, ...options }) =>
      choose(() =>
        decision === undefined
          ? channelUnhold({ channel: name, ...options })
          : channelRelease({ channel: name, decision, ...options }),
      ),
    );
}
