import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { makeRequest } from "#test/support/requests.ts";
import { Applicant, EnrollingFolder } from "./support/enrolling-folder.ts";
import { knock } from "./support/knock.ts";
import { PlayedAgent } from "./support/played-agent.ts";
import { PostgresServer, withoutPostgres } from "./support/postgres.ts";
import { ShiftedClock } from "./support/shifted-clock.ts";

const skip = withoutPostgres();
const NAME = "north/ward-1";

describe("receivers that share a database, and identities", { skip }, async () => {
  if (skip !== false) return;
  const server = await PostgresServer.start();
  after(() => server[Symbol.asyncDispose]());

  /** Two nodes with one CA. */
  async function nodes() {
    const database = await server.newDatabase();
    const place = `host: ${server.path}, database: ${database}, user: holdfast`;
    const more = `store: { kind: postgres, ${place} }`;
    const one = await EnrollingFolder.create({ more });
    const two = await EnrollingFolder.create({ more, ca: one.caFiles });
    const clock = new ShiftedClock();
    const first = await one.open({ clock });
    const second = await two.open();
    return {
      ...{ one, two, clock, first: first.address.port, second: second.address.port },
      async [Symbol.asyncDispose]() {
        await Promise.all([first[Symbol.asyncDispose](), second[Symbol.asyncDispose]()]);
        for (const folder of [one, two]) folder[Symbol.dispose]();
      },
    };
  }

  test("[EN6] [EN7] [N4] [TP4] claimed here, confirmed there, issued here; a nonce of one is good at the other", async () => {
    await using place = await nodes();
    const agent = await Applicant.create(place.first, await place.one.token(NAME));
    const rival = await Applicant.create(place.second, agent.token);
    const claims = await Promise.all([agent.enrol(), rival.enrol()]);
    const [winner, loser] = claims[0]?.status === 202 ? [agent, rival] : [rival, agent];
    assert.deepEqual(claims.map(({ status }) => status).sort(), [202, 401]);
    await place.two.confirm(NAME, winner.code);
    assert.equal((await winner.enrol()).status, 200);
    assert.equal((await loser.enrol()).reason, "TOKEN_USED");
    for (const port of [place.first, place.second]) {
      assert.equal((await knock(port, winner.identity)).status, 101);
    }
    // One request at both: one certificate.
    const made = await makeRequest();
    const replies = [];
    for (const port of [place.first, place.second]) {
      Object.assign(winner, { port });
      replies.push(await winner.renew({ made }));
    }
    assert.deepEqual(
      replies.map(({ status, json }) => [status, json["certificate"]]),
      [
        [200, replies[0]?.json["certificate"]],
        [200, replies[0]?.json["certificate"]],
      ],
    );
  });

  test("[I03] [G7] a denial at one node ends what is open at the other with its next look", async () => {
    await using place = await nodes();
    const agent = await place.one.enrol(place.first, NAME);
    await using live = await PlayedAgent.greet(place.first, agent.identity);
    await place.two.deny(NAME);
    assert.equal((await knock(place.first, agent.identity)).reason, "CERT_DENIED");
    await live.open();
    place.clock.sweep();
    assert.equal(await live.closed, 1006);
  });
});
