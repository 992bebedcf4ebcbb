import { after, describe } from "node:test";
import { outgoingSuite } from "../support/outgoing-suite.ts";
import { outletSuite } from "../support/outlet-suite.ts";
import { PostgresServer, withoutPostgres } from "../support/postgres.ts";
import { pruneSuite } from "../support/prune-suite.ts";

const skip = withoutPostgres();

describe("PostgreSQL store, both ways out", { skip }, async () => {
  if (skip !== false) return;
  const server = await PostgresServer.start();
  after(() => server[Symbol.asyncDispose]());
  const open = () => server.openNewStore();
  outgoingSuite("PostgreSQL", open);
  outletSuite("PostgreSQL", open);
  pruneSuite("PostgreSQL", open);
});
