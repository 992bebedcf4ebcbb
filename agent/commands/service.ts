/** `holdfast service …` on Linux: how it is asked. @module */
import type { Command } from "commander";
import { later } from "./later.ts";
import { type Act, jsonOption } from "./options.ts";

const load = () => import("../cli/service.ts");
const COMMANDS = [
  {
    name: "install",
    description: "from the archive: place program and units, make the account; idempotent",
    act: later(load, "serviceInstall"),
  },
  {
    name: "uninstall",
    description: "remove what install placed; state, configuration and key stay",
    act: later(load, "serviceUninstall"),
  },
  {
    name: "remains",
    description: "what a removal leaves, how many messages are in it, and what deletes it",
    act: later(load, "serviceRemains"),
  },
  {
    name: "start",
    description: "start it, also after systemd has given up; returns once it is ready",
    act: later(load, "serviceStart"),
  },
  { name: "stop", description: "stop it and its ports", act: later(load, "serviceStop") },
  {
    name: "restart",
    description: "start it anew; ports of the socket unit stay open",
    act: later(load, "serviceRestart"),
  },
  {
    name: "status",
    description: "what systemd says of it; exit 69 unless it runs",
    act: later(load, "serviceStatus"),
  },
] as const;

export function addServiceCommands(root: Command, choose: (act: Act) => void): void {
  const service = root.command("service").description("the service that systemd keeps running");
  for (const { name, description, act } of COMMANDS) {
    service
      .command(name)
      .description(description)
      .addOption(jsonOption())
      .action((options) => choose(() => act(options)));
  }
}
