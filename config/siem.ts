/** The `siem` block of `local.yaml`: the hospital's collector of the audit (08 6). @module */
import { resolve } from "node:path";
import { z } from "zod";

/** Syslog over TLS (RFC 5425 section 4.1). */
const SYSLOG_TLS_PORT = 6514;

export const siem = z
  .strictObject({
    host: z.string().min(1).max(255),
    port: z.int().min(1).max(65_535).default(SYSLOG_TLS_PORT),
    caFile: z.string().min(1),
    certificateFile: z.string().min(1).optional(),
    keyFile: z.string().min(1).optional(),
    content: z.enum(["heads", "entries"]).default("heads"),
    /** 08 PL9: alarms, too, as they open and close. */
    alarms: z.boolean().default(false),
  })
  .refine(
    ({ certificateFile, keyFile }) => (certificateFile === undefined) === (keyFile === undefined),
    { path: ["keyFile"], message: "must stand with certificateFile, or neither" },
  );

export type SiemConfig = z.infer<typeof siem>;

export function withAbsoluteSiemFiles(config: SiemConfig, base: string): SiemConfig {
  const { caFile, certificateFile, keyFile } = config;
  return {
    ...config,
    caFile: resolve(base, caFile),
    ...(certificateFile === undefined ? {} : { certificateFile: resolve(base, certificateFile) }),
    ...(keyFile === undefined ? {} : { keyFile: resolve(base, keyFile) }),
  };
}
