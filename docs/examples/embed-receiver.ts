// A platform's own program with the receiver inside: each message becomes a file, flushed before the
// handler ends, and what is missing becomes a line in `missing.jsonl`.
//
//   node docs/examples/embed-receiver.ts receiver.yaml inbox
import { appendFile, mkdir, open, rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import { openReceiver, type OutletGap, type OutletMessage } from "#receiver/library.ts";

const [config = "receiver.yaml", inbox = "inbox"] = process.argv.slice(2);

async function onMessage(message: OutletMessage): Promise<void> {
  const { agent, channel, epoch, seq } = message;
  // The same message has the same name: whoever gets it twice writes it once.
  const file = join(inbox, agent, encodeURIComponent(channel), `${epoch}.${seq}.hl7`);
  await mkdir(dirname(file), { recursive: true });
  const handle = await open(`${file}.part`, "w");
  try {
    // In slices: a message may be larger than memory allows.
    for await (const slice of message.slices()) await handle.writeFile(slice);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(`${file}.part`, file);
}

async function onGap({ agent, channel, epoch, firstSeq, lastSeq, reason }: OutletGap) {
  const range = { epoch: `${epoch}`, firstSeq: `${firstSeq}`, lastSeq: `${lastSeq}` };
  const line = JSON.stringify({ agent, channel, ...range, reason });
  await appendFile(join(inbox, "missing.jsonl"), `${line}\n`);
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
