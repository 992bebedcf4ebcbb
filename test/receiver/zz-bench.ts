import { execSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { encodeFrame } from "#protocol/codec.ts";
import { issueAgent } from "./support/identities.ts";
import { dataFrames, PlayedAgent } from "./support/played-agent.ts";
import { ReceiverFolder } from "./support/receiver-folder.ts";

const identity = await issueAgent("north/ward-1");
const folder = new ReceiverFolder();
await folder.add("north/ward-1", identity);
const N = Number(process.argv[2] ?? 200000);
const SIZE = Number(process.argv[3] ?? 1024);
const body = new Uint8Array(SIZE).fill(65);
const served = await folder.serve();
execSync(`taskset -a -p -c 0 ${served.child.pid}`);
execSync(`taskset -a -p -c 1 ${process.pid}`);
const cpu = () => {
  const s = readFileSync(`/proc/${served.child.pid}/stat`, "utf8").split(" ");
  return (Number(s[13]) + Number(s[14])) * 10;
};
const agent = await PlayedAgent.greet(served.port, identity);
const opened = await agent.open();
let limit = Math.min(opened.credit.streamLimit ?? 0, opened.credit.connectionLimit ?? 0);
agent.socket.removeAllListeners("message");
const { decodeFrame } = await import("#protocol/codec.ts");
let sent = 0,
  seq = 0n,
  acked = 0n,
  acks = 0,
  credits = 0;
const done = Promise.withResolvers<void>();
const frames: Uint8Array[] = [];
for (let i = 0; i < N; i++)
  frames.push(
    encodeFrame(
      dataFrames(1, BigInt(i + 1), body, { attributes: { "hl7.controlId": `C${i}` } })[0]!,
    ),
  );
const pump = () => {
  const s = agent.socket as any;
  s._socket.cork();
  while (Number(seq) < N) {
    const f = frames[Number(seq)]!;
    if (sent + f.length - 4 > limit) break;
    if (s.bufferedAmount > 1 << 20) break;
    agent.socket.send(f);
    sent += f.length - 4;
    seq++;
  }
  s._socket.uncork();
};
agent.socket.on("message", (d: Buffer) => {
  const f = decodeFrame(d);
  if (!f) return;
  if (f.type === "ack" || f.type === "credit") {
    limit = Math.max(limit, Math.min(f.credit.streamLimit ?? 0, f.credit.connectionLimit ?? 0));
    if (f.type === "ack") {
      acks++;
      acked = f.lastSeq;
      if (Number(acked) === N) done.resolve();
    } else credits++;
    setImmediate(pump);
  } else console.log(f);
});
const c0 = cpu();
const t0 = performance.now();
pump();
const iv = setInterval(pump, 2);
await done.promise;
clearInterval(iv);
const s = (performance.now() - t0) / 1000;
const c = cpu() - c0;
console.log({
  perSecond: Math.round(N / s),
  cpuUsPerMessage: (c * 1000) / N,
  acks,
  credits,
  batch: N / acks,
  rssMb:
    Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${served.child.pid}/status`, "utf8"))?.[1]) /
    1024,
});
await agent[Symbol.asyncDispose]();
await served.end("SIGTERM");
const t1 = performance.now();
const rows = await folder.export();
console.log("exported", rows.length, "in", Math.round(performance.now() - t1), "ms");
folder[Symbol.dispose]();
