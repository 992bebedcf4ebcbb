/** docs/install-linux.md, run as it stands there. @module */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Container } from "#test/support/container.ts";
import { blocksOf, isAsSaid, Walk } from "#test/support/walkthrough.ts";
import type { Vendor } from "./vendor.ts";

const PAGE = readFileSync(join(import.meta.dirname, "../../../docs/install-linux.md"), "utf8");

/**
 * Runs a section of the page on a machine whose vendor answers the telephone.
 *
 * @param ran hears each block of commands that has ended well
 */
export async function followPage(
  heading: string,
  machine: Container,
  vendor: Vendor,
  ran: (commands: string) => void = () => {},
): Promise<void> {
  const told = [
    `RECEIVER=${vendor.pair.receiver}`,
    `PORT=${vendor.port}`,
    "ANCHOR=--anchor /etc/anchor.json",
  ];
  using walk = new Walk("/", process.env, machine.within(told));
  for (const block of blocksOf(PAGE, heading)) {
    if (block.commands.startsWith("export ")) continue;
    const { code, said } = await walk.run(block, {}, (all) => vendor.hears(all));
    const where = `docs/install-linux.md, line ${block.line}`;
    assert.equal(code, 0, `${where}:\n${said}\n${machine.run("journalctl", "-u", "holdfast").out}`);
    if (block.prints !== undefined && !isAsSaid(said, block.prints)) {
      assert.equal(said.trimEnd(), block.prints, `${where} prints something else`);
    }
    ran(block.commands);
  }
}
