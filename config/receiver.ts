/**
 * The `receiver` block of `local.yaml`: the one address that the agent dials, and the way there.
 *
 * @module
 */
import { z } from "zod";
import { CAPABILITY_NAMES, SPOKEN_CAPABILITIES } from "#protocol/capabilities.ts";

/** 06 TP12. What is not spoken here would never be in force. */
const capability = z.enum(CAPABILITY_NAMES).refine((name) => SPOKEN_CAPABILITIES.includes(name), {
  message: `is not spoken by this version, which has ${SPOKEN_CAPABILITIES.join(", ")}`,
});

/** RFC 7617 section 2: the first colon ends the user's name. */
const PROXY_USER = /^[^:\p{Cc}]{1,255}$/u;

export const receiver = z
  .strictObject({
    url: z.string().refine(isSecureWebSocketUrl, {
      message: "must be a URL such as wss://gateway.example.org",
    }),
    /** 07 1.10: HTTP CONNECT. What the environment says about proxies has no effect. */
    proxy: z
      .string()
      .refine(isProxyUrl, {
        message:
          "must be a URL such as http://proxy.example.org:3128, with user and password in proxyUser and proxyPasswordFile",
      })
      .optional(),
    proxyUser: z
      .string()
      .regex(PROXY_USER, { message: "must be a name without a colon, 1 to 255 characters" })
      .optional(),
    proxyPasswordFile: z.string().min(1).optional(),
    /** 06 TP12: without these, no message is sent. */
    requireCapabilities: z.array(capability).default([]),
  })
  .refine(({ proxy, proxyUser }) => proxy !== undefined || proxyUser === undefined, {
    path: ["proxyUser"],
    message: "has no effect without proxy",
  })
  .refine(({ proxyUser, proxyPasswordFile }) => !proxyUser === !proxyPasswordFile, {
    path: ["proxyPasswordFile"],
    message: "must be there together with proxyUser: Basic has both",
  });

function isSecureWebSocketUrl(text: string): boolean {
  return isBare(text, "wss:");
}

/** To the proxy itself no TLS is spoken: the tunnel's own goes through it. */
function isProxyUrl(text: string): boolean {
  return isBare(text, "http:");
}

/** Nothing that would be sent along, or silently not. */
function isBare(text: string, scheme: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, pathname, username, password, search, hash, hostname } = new URL(text);
  if (protocol !== scheme || pathname !== "/" || hostname === "") return false;
  return username + password + search + hash === "";
}
