/** The `statusPage` of `local.yaml`: where the local page is served, or that it is not (08 PL8). @module */
import { isIP } from "node:net";
import { z } from "zod";
import { STATUS_PAGE_PORT } from "#agent/limits.ts";

const HOST_NAME = /^(?=.{1,253}$)[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9-]+)*$/;

const place = z.strictObject(
  {
    /** Another one than a loopback address is a permanent notice. */
    host: z.string().min(1).max(253).default("127.0.0.1"),
    port: z.int().min(1).max(65_535).default(STATUS_PAGE_PORT),
    /** What browsers may call this machine: only where others look at it. A foreign name is refused (DNS rebinding). */
    hostNames: z
      .array(z.string().regex(HOST_NAME, "must be the name of a host, without a port"))
      .max(16)
      .default([]),
  },
  { error: "must be off, or say where: { host: 127.0.0.1, port: 8515 }" },
);

export type StatusPageConfig = z.infer<typeof place>;

/** `undefined`: off. */
export const statusPage = z
  .preprocess((value) => (value === "off" ? null : value), place.nullable())
  .default({ host: "127.0.0.1", port: STATUS_PAGE_PORT, hostNames: [] })
  .transform((found) => found ?? undefined)
  .refine((found) => found === undefined || isIP(found.host) > 0 || HOST_NAME.test(found.host), {
    path: ["host"],
    message: "must be an address or a name of this machine",
  });
