/** Ports that systemd opens and passes, by systemd's own program for it (09 SV7, T-K15). */
import assert from "node:assert/strict";
import { readdirSync, readlinkSync } from "node:fs";
import { describe, test } from "node:test";
import { connect as connectTls } from "node:tls";
import { fits } from "#agent/host/socket-place.ts";
import { freePort } from "#scripts/free-port.ts";
import { activated, handTo, skipActivation, UNPRIVILEGED } from "#test/support/activated-agent.ts";
import { AgentFolder } from "#test/support/agent-folder.ts";
import { adt, framed } from "#test/support/messages.ts";
import { MllpSocket } from "#test/support/mllp-socket.ts";
import { agentCommand, Started } from "#test/support/processes.ts";

/** @param place of the channel `adt`, as local.yaml says it */
async function agentAt(host: string, port: number, more = ""): Promise<AgentFolder> {
  const folder = await AgentFolder.make({ channelYaml: more });
  const place = `host: "${host}"\n    port: ${port}\n    allow: [0.0.0.0/0, "::/0"]`;
  folder.changeConfig(/host: 127\.0\.0\.1\n {4}port: \d+/, place);
  return folder;
}

async function answered(socket: MllpSocket, count = 1): Promise<void> {
  await socket.send(framed(adt(`M${count}`)));
  assert.equal((await socket.acknowledged(count)).at(-1), `AA M${count}`);
}

/** How an agent ends that was passed these sockets. */
async function refusal(folder: AgentFolder, listens: readonly string[], port: number) {
  await using started = await activated(folder.config, listens, { port });
  const { code } = await started.agent.ended;
  assert.equal(code, 78, started.agent.errors);
  return started.agent.errors;
}

describe("[SV7] [T-K15] sockets that systemd passes", { skip: skipActivation }, () => {
  test("port 104: an account that may not open it listens on it, and answers who waited before it ran", async (t) => {
    if (process.getuid?.() !== 0) return t.skip("not tested: port 104; only root can open it");
    using folder = await agentAt("127.0.0.1", 104);
    handTo(folder.path, UNPRIVILEGED);
    const through = ["setpriv", `--reuid=${UNPRIVILEGED}`, "--clear-groups", "--no-new-privs"];
    await using alone = new Started([...through, ...agentCommand(folder.config)]);
    assert.equal((await alone.ended).code, 77);
    assert.match(alone.errors, /\[LISTEN_NOT_PERMITTED\]\n.*holdfast\.socket/);
    await using started = await activated(folder.config, ["127.0.0.1:104"], { port: 104 }, through);
    await answered(started.first);
    await using other = await MllpSocket.open(104);
    await answered(other, 1);
    assert.equal((await started.agent.end("SIGTERM")).code, 0, started.agent.errors);
  });

  for (const [listen, host, from] of [
    ["[::1]:PORT", "::1", "::1"],
    ["PORT", "::", "127.0.0.1"],
    ["PORT", "0.0.0.0", "127.0.0.1"],
  ] as const) {
    test(`ListenStream=${listen} is the socket of a channel on ${host}`, async () => {
      const port = await freePort();
      using folder = await agentAt(host, port);
      const listens = [listen.replace("PORT", String(port))];
      await using started = await activated(folder.config, listens, { host: from, port });
      await answered(started.first);
      const fds = `/proc/${started.agent.child.pid}/fd`;
      const sockets = readdirSync(fds).filter((fd) => isLink(`${fds}/${fd}`));
      assert.ok(sockets.includes("3"), "it is kept for the next listener");
    });
  }

  test("TLS is spoken on them as on others", async () => {
    const port = await freePort();
    const tls = `    tls: { certificate: ../receiver/tls/server.crt, key: ../receiver/tls/server.key, clientCertificate: optional }\n`;
    using folder = await agentAt("127.0.0.1", port, tls);
    await using started = await activated(folder.config, [`127.0.0.1:${port}`], { port });
    await started.agent.ready();
    const socket = connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false });
    socket.write(Buffer.from(framed(adt("T1"))));
    const [answer] = await new Promise<[Buffer]>((resolve, reject) => {
      socket.once("data", (data: Buffer) => resolve([data]));
      socket.once("error", reject);
    });
    assert.match(answer.toString("latin1"), /MSA\|AA\|T1/);
    socket.destroy();
  });

  test("a wrong port ends the start with 78, and both are named", async () => {
    const [passed, configured] = [await freePort(), await freePort()];
    using folder = await agentAt("127.0.0.1", configured);
    const said = await refusal(folder, [`127.0.0.1:${passed}`], passed);
    assert.match(said, /\[SOCKET_UNCLAIMED\]/);
    const facts = `address=127.0.0.1, port=${passed}, channel=adt, expected=${configured}`;
    for (const fact of facts.split(", ")) assert.ok(said.includes(fact), `${fact}: ${said}`);
  });

  test("a socket without a channel ends the start with 78, and is named", async () => {
    const [port, stray] = [await freePort(), await freePort()];
    using folder = await agentAt("127.0.0.1", port);
    const said = await refusal(folder, [`127.0.0.1:${port}`, `127.0.0.1:${stray}`], port);
    assert.match(said, /\[SOCKET_UNCLAIMED\]/);
    assert.ok(said.includes(`port=${stray}`) && !said.includes("channel="), said);
  });

  test("a port of a channel that is held for another address ends the start with 78, and both are named", async () => {
    const port = await freePort();
    using folder = await agentAt("127.0.0.1", port);
    const said = await refusal(folder, [String(port)], port);
    assert.match(said, /\[SOCKET_MISMATCH\]/);
    for (const fact of ["channel=adt", `port=${port}`, "address=::"]) {
      assert.ok(said.includes(fact), `${fact}: ${said}`);
    }
  });

  test("what is no listening TCP socket is refused; what was passed to another process is left alone", async () => {
    using folder = await agentAt("127.0.0.1", await freePort());
    const shell = (pid: string): readonly string[] => [
      ...["sh", "-c", `exec 3</dev/null; LISTEN_PID=${pid} LISTEN_FDS=1 exec "$@"`, "sh"],
      ...agentCommand(folder.config),
    ];
    await using unfit = new Started(shell("$$"));
    assert.equal((await unfit.ended).code, 78);
    assert.match(unfit.errors, /\(index=0\) \[SOCKET_UNFIT\]/);
    await using others = new Started(shell("1"));
    await others.ready();
  });
});

function isLink(path: string): boolean {
  try {
    return readlinkSync(path).startsWith("socket:");
  } catch {
    return false;
  }
}

test("[SV7] one address is the other, however it is written; a socket for IPv6 alone is not one for all", () => {
  const at = (address: string, isDual = false) => ({ address, port: 104, isDual });
  for (const [place, host, expected] of [
    [at("10.0.0.1"), "10.0.0.1", true],
    [at("10.0.0.1"), "10.0.0.2", false],
    [at("0.0.0.0"), "10.0.0.1", false],
    [at("0.0.0.0"), "::", false],
    [at("::", true), "0.0.0.0", true],
    [at("::", true), "0:0::0", true],
    [at("::", false), "::", false],
    [at("::", true), "10.0.0.1", false],
    [at("fd00::1"), "FD00:0:0:0:0:0:0:1", true],
    [at("127.0.0.1"), "localhost", true],
    [at("::1"), "localhost", true],
    [at("::1"), "127.0.0.1", false],
  ] as const) {
    assert.equal(fits(place, host), expected, `${place.address} for ${host}`);
  }
});
