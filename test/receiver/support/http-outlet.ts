/**
 * The polling outlet over a stage, and a consumer of it.
 *
 * @module
 */
import assert from "node:assert/strict";
import { tokensFrom } from "#receiver/outlets/http-access.ts";
import { type HttpOptions, openHttpOutlet } from "#receiver/outlets/http-server.ts";
import type { OutletContext } from "#receiver/outlets/pump.ts";
import { RECEIVER_IDENTITY } from "./identities.ts";
import { OutletStage } from "./outlet-stage.ts";
import { Poller, TOKEN } from "./poller.ts";

export const ADT = "/v1/messages?agent=north/ward-1&channel=adt";

export async function serve(
  stage: OutletStage,
  options: Partial<HttpOptions> = {},
  context: Partial<OutletContext> = {},
) {
  return await openHttpOutlet(
    {
      name: "poll",
      host: "127.0.0.1",
      port: 0,
      certificate: RECEIVER_IDENTITY.certificatePem,
      key: RECEIVER_IDENTITY.privateKeyPem,
      clientCa: null,
      tokens: tokensFrom(`${"b".repeat(40)}\n${TOKEN}\n`) ?? assert.fail(),
      positions: ["warehouse"],
      ...options,
    },
    { ...stage.context, ...context },
  );
}

/** A stage, its outlet and a consumer. */
export async function polled(
  act: (poller: Poller, stage: OutletStage) => Promise<void>,
  options: Partial<HttpOptions> = {},
): Promise<void> {
  await using stage = await OutletStage.open();
  await using outlet = await serve(stage, options);
  await act(new Poller(outlet.address.port), stage);
}
