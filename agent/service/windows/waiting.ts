/** Windows's service, until it is as it was asked to be. @module */
import { AgentError, identifierFrom } from "../../errors.ts";
import { type Clock, systemClock } from "../../host/clock.ts";
import { keepAlive } from "../../host/keep-alive.ts";
import type { ServiceControl } from "../../host/windows/service-control.ts";

/** 09 PK20: an installer that waits longer has failed, and changes nothing. */
const LIMIT_MS = 60_000;
const LOOK_EVERY_MS = 100;

/** @returns when it runs @throws {AgentError} `SERVICE_ENDED`, `SERVICE_SLOW`, and of the manager */
export async function startAndWait(control: ServiceControl, clock = systemClock): Promise<void> {
  control.start();
  await until(clock, () => {
    const found = control.status();
    if (found === undefined) throw new AgentError("SERVICE_NOT_INSTALLED", {});
    if (found.state === "stopped") throw new AgentError("SERVICE_ENDED", { code: found.exit });
    return found.state === "running" ? true : found.state;
  });
}

/** @returns when it does not run, which may be at once @throws {AgentError} `SERVICE_SLOW`, and of the manager */
export async function stopAndWait(control: ServiceControl, clock = systemClock): Promise<void> {
  let isAsked = false;
  await until(clock, () => {
    const state = control.status()?.state ?? "stopped";
    if (state === "stopped") return true;
    // One that starts takes no request: it is asked again.
    if (!isAsked) isAsked = control.stop();
    return state;
  });
}

async function until(clock: Clock, look: () => true | string): Promise<void> {
  using _ = keepAlive();
  const endMs = clock.monotonicMs() + LIMIT_MS;
  for (;;) {
    const found = look();
    if (found === true) return;
    if (clock.monotonicMs() >= endMs) {
      throw new AgentError("SERVICE_SLOW", { state: identifierFrom(found) });
    }
    await new Promise<void>((resolve) => void clock.after(LOOK_EVERY_MS, resolve));
  }
}
