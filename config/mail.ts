/** The `mail` block of `local.yaml`: who is mailed when an alarm opens or closes (08 PL9). @module */
import { resolve } from "node:path";
import { z } from "zod";

/** RFC 6409, RFC 8314, RFC 5321. */
const PORTS = { starttls: 587, implicit: 465, none: 25 } as const;
const RECIPIENTS_MAX_COUNT = 20;

/** What stands in a header, and nothing that could begin another one. */
const address = z
  .string()
  .max(254)
  .regex(/^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?$/, {
    message: "must be an address such as it@clinic.example",
  });

export const mail = z
  .strictObject({
    host: z.string().min(1).max(255),
    port: z.int().min(1).max(65_535).optional(),
    tls: z
      .enum(["starttls", "implicit", "none"], { message: "must be starttls, implicit or none" })
      .default("starttls"),
    caFile: z.string().min(1).optional(),
    from: address,
    to: z.array(address).min(1).max(RECIPIENTS_MAX_COUNT),
    user: z.string().min(1).max(255).optional(),
    passwordFile: z.string().min(1).optional(),
    /** Less severe alarms are not mailed. */
    least: z
      .enum(["critical", "warning", "information"], {
        message: "must be critical, warning or information",
      })
      .default("warning"),
  })
  .refine(({ user, passwordFile }) => (user === undefined) === (passwordFile === undefined), {
    ...{ path: ["passwordFile"], message: "must stand with user, or neither" },
  })
  .refine(({ user, tls }) => user === undefined || tls !== "none", {
    ...{
      path: ["user"],
      message: "must be absent with tls: none: the password would travel in clear",
    },
  })
  .transform(({ port, ...rest }) => ({ ...rest, port: port ?? PORTS[rest.tls] }));

export type MailConfig = z.infer<typeof mail>;

export function withAbsoluteMailFiles(config: MailConfig, base: string): MailConfig {
  const { caFile, passwordFile } = config;
  return {
    ...config,
    ...(caFile === undefined ? {} : { caFile: resolve(base, caFile) }),
    ...(passwordFile === undefined ? {} : { passwordFile: resolve(base, passwordFile) }),
  };
}
