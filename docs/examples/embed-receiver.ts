// A platform's own program with the receiver inside: each message becomes a file, flushed before the
// handler ends, and what is missing becomes a line in `missing.jsonl`.
//
//   node docs/examples/embed-receiver.ts receiver.yaml inbox
import { mkdir, open, rename } from "node:fs/promises";
import { join } from "node:path";
import { type OutletGap, type OutletMessage, openReceiver } from "#receiver/library.ts";

const [config = "receiver.yaml", inbox = "inbox"] = process.argv.slice(2);

/** Resolves when the content of a file, or the names in a folder, would survive a power cut. */
async function flush(path: string): Promise<void> {
  await using handle = await open(path);
  await handle.sync();
}

async function onMessage(message: OutletMessage): Promise<void> {
  const { agent, channel, epoch, seq } = message;
  // The same message has the same name: whoever gets it twice writes it once.
  const name = [agent, channel, epoch, seq].map((part) => encodeURIComponent(`${part}`)).join("_");
  const file = join(inbox, `${name}.hl7`);
  {
    await using handle = await open(`${file}.part`, "w");
    // In slices: a message may be larger than memory allows.
    for await (const slice of message.slices()) await handle.writeFile(slice);
    await handle.sync();
  }
  await rename(`${file}.part`, file);
  await flush(inbox);
}

async function onGap({ agent, channel, epoch, firstSeq, lastSeq, reason }: OutletGap) {
  const range = { epoch: `${epoch}`, firstSeq: `${firstSeq}`, lastSeq: `${lastSeq}` };
  const line = JSON.stringify({ agent, channel, ...range, reason });
  await using handle = await open(join(inbox, "missing.jsonl"), "a");
  await handle.writeFile(`${line}\n`);
  await handle.sync();
}

await mkdir(inbox, { recursive: true });
const receiver = await openReceiver({ config, onMessage, onGap });
console.log(JSON.stringify({ listening: receiver.address }));

const asked = new Promise<void>((resolve) => process.once("SIGTERM", resolve));
const failed = await Promise.race([receiver.failed, asked]);
if (failed !== undefined) {
  // The store cannot go on: a service manager starts the program again.
  console.error(`${failed.message}; ${failed.remedy}`);
  process.exit(failed.exitCode);
}
await receiver[Symbol.asyncDispose]();
