/**
 * What can go wrong between here and the receiver: rows of the catalogue, in the order in which a
 * connection meets them. Each names one place in the network, so that whoever owns it can be asked.
 *
 * @module
 */
import { type CatalogueRow, EXIT } from "./exit-codes.ts";

/** All of them are tried again for ever, and messages are kept meanwhile (06 TP27, TP28). */
const RETRIED = { disposition: "retry", exit: EXIT.unavailable } as const;

export const TUNNEL_ERRORS = {
  PROXY_PASSWORD_UNREADABLE: {
    disposition: "halt",
    exit: EXIT.configuration,
    summary: "The file with the proxy's password cannot be read, or holds no password",
    remedy:
      "Put the password alone on one line into the file that receiver.proxyPasswordFile names",
  },
  PROXY_PASSWORD_EXPOSED: {
    disposition: "halt",
    exit: EXIT.notPermitted,
    summary: "The file with the proxy's password can be read by other accounts",
    remedy: "Restrict it to the service account: chmod 600 FILE",
  },
  TUNNEL_NAME_UNKNOWN: {
    ...RETRIED,
    summary: "DNS knows no address for the host of receiver.url",
    remedy:
      "Check the name for a slip; if it is right, ask who runs DNS to let this machine resolve it",
  },
  TUNNEL_DNS_AWAY: {
    ...RETRIED,
    summary: "No DNS server answered for the host of receiver.url",
    remedy: "Check the DNS servers of this machine, and that it may reach them",
  },
  TUNNEL_TCP_REFUSED: {
    ...RETRIED,
    summary: "The host of receiver.url refuses connections on its port, or a firewall does",
    remedy: "Check host and port; then ask whether a firewall rejects this machine's connections",
  },
  TUNNEL_TCP_NO_ROUTE: {
    ...RETRIED,
    summary: "This machine has no path to the address of the receiver",
    remedy: "Check the machine's link, its default gateway and its routes",
  },
  TUNNEL_TCP_TIMEOUT: {
    ...RETRIED,
    summary: "Nothing answered a connection to the receiver: the usual sign of a closed firewall",
    remedy:
      "Ask the network team to allow outbound TCP from this machine to the host and port of receiver.url, or set receiver.proxy",
  },
  TUNNEL_TCP_FORBIDDEN: {
    ...RETRIED,
    summary: "This machine itself forbids the agent to connect",
    remedy:
      "Look at the local firewall and at address lists of the service (IPAddressAllow, SELinux)",
  },
  TUNNEL_PROXY_UNREACHABLE: {
    ...RETRIED,
    summary: "The proxy of receiver.proxy cannot be reached; the code of the fact says how",
    remedy: "Check its host and port, and that this machine may connect to it",
  },
  TUNNEL_PROXY_AUTHENTICATION: {
    ...RETRIED,
    summary: "The proxy asks for a login, or does not accept the one that it was given",
    remedy:
      "Set receiver.proxyUser and receiver.proxyPasswordFile if it asks for Basic; for Negotiate or NTLM have it allow this machine by address",
  },
  TUNNEL_PROXY_REFUSED: {
    ...RETRIED,
    summary: "The proxy does not connect us to the receiver; the status of the fact says why",
    remedy:
      "403: have it allow CONNECT to the host and port of receiver.url. 502 to 504: it cannot reach the receiver itself",
  },
  TUNNEL_PROXY_REDIRECT: {
    ...RETRIED,
    summary: "The proxy answers with a redirect, as for a page to log in",
    remedy: "Have it exempt this machine, or the receiver's host, from its login page",
  },
  TUNNEL_PROXY_GARBLED: {
    ...RETRIED,
    summary: "The answer of receiver.proxy cannot be read as HTTP",
    remedy: "Check that host and port are those of an HTTP proxy: SOCKS and HTTPS proxies are not",
  },
  TUNNEL_PROXY_CLOSED: {
    ...RETRIED,
    summary: "The proxy hung up before it answered",
    remedy: "Look into the proxy's log; some hang up on whom they do not allow",
  },
  TUNNEL_PROXY_TIMEOUT: {
    ...RETRIED,
    summary: "The proxy took the connection and did not answer within 10 seconds",
    remedy: "Look into the proxy's log: often it waits for a receiver that it cannot reach",
  },
  TUNNEL_TLS_TIMEOUT: {
    ...RETRIED,
    summary: "A connection was made, but its TLS handshake did not end within 10 seconds",
    remedy:
      "Ask the network team what inspects or delays TLS between here and the host of receiver.url",
  },
  TUNNEL_TLS_FAILED: {
    ...RETRIED,
    summary: "The TLS handshake broke off: cut by a device between, or the far end has no TLS 1.3",
    remedy:
      "Ask the network team to exempt the receiver's host from TLS inspection; sysCode has the detail",
  },
  TUNNEL_INTERCEPTED: {
    ...RETRIED,
    summary:
      "TLS to the receiver is intercepted: the certificate was issued by what the fact issuer names, not by the Holdfast receiver CA",
    remedy:
      "Ask the network team to exempt the receiver's host from TLS inspection; if nothing inspects, compare identity.receiverCa with the vendor's",
  },
  TUNNEL_CERT_SELF_SIGNED: {
    ...RETRIED,
    summary: "The far end shows a certificate that it signed itself: this is not the receiver",
    remedy: "Check receiver.url, and what answers at its address (a portal, a test machine)",
  },
  TUNNEL_CERT_EXPIRED: {
    ...RETRIED,
    summary:
      "The receiver's certificate has expired by this machine's clock: the clock may be ahead",
    remedy: "Compare this machine's clock with a good one; if it is right, call the vendor",
  },
  TUNNEL_CERT_NOT_YET_VALID: {
    ...RETRIED,
    summary:
      "The receiver's certificate is not valid yet by this machine's clock: the clock may be behind",
    remedy: "Compare this machine's clock with a good one; if it is right, call the vendor",
  },
  TUNNEL_CERT_WRONG_NAME: {
    ...RETRIED,
    summary: "The certificate is the vendor's, but for another host than that of receiver.url",
    remedy: "Use the name that the vendor gave as receiver.url, not an address or an alias",
  },
  TUNNEL_PEER_UNTRUSTED: {
    ...RETRIED,
    summary: "The receiver's certificate cannot be accepted; sysCode says why",
    remedy: "Call the vendor; compare the CA file of identity.receiverCa with the one they publish",
  },
  TUNNEL_CA_WITHDRAWN: {
    ...RETRIED,
    summary: "The connection was ended: a trust document has withdrawn a CA of the receiver",
    remedy:
      "None while it connects anew; otherwise ask the vendor which CA the receiver's certificate is of",
  },
  TUNNEL_CERT_REFUSED: {
    ...RETRIED,
    summary: "The far end refused this agent's certificate within TLS, before a receiver saw it",
    remedy:
      "A receiver says why: something else ends TLS there. It must be passed through to the receiver",
  },
  TUNNEL_UPGRADE_TIMEOUT: {
    ...RETRIED,
    summary: "TLS is up, but the receiver did not answer in time",
    remedy: "Nothing here: tell the receiver's operator if it goes on",
  },
  TUNNEL_NOT_A_RECEIVER: {
    ...RETRIED,
    summary:
      "What answers is not a Holdfast receiver: a portal, a filter, another web server, or no TLS at all",
    remedy:
      "Check receiver.url; ask the network team to exempt this machine from portals and filters",
  },
  TUNNEL_OVERLOADED: {
    ...RETRIED,
    summary: "The receiver takes no connection just now",
    remedy: "Nothing here: it is tried again after the time that it asks for",
  },
  TUNNEL_RECEIVER_FAILING: {
    ...RETRIED,
    summary: "The receiver, or a balancer before it, answers with an error of its own (status)",
    remedy: "Nothing here: tell the receiver's operator if it goes on",
  },
  TUNNEL_REFUSED: {
    ...RETRIED,
    summary: "The receiver refused this agent's certificate",
    remedy: "Ask the receiver's operator whether this agent is added; status shows the reason",
  },
  TUNNEL_VERSION: {
    ...RETRIED,
    summary: "The receiver speaks no protocol version that this agent speaks",
    remedy: "Upgrade the older side; messages are kept meanwhile",
  },
  TUNNEL_CAPABILITY: {
    ...RETRIED,
    summary: "The receiver lacks a capability that receiver.requireCapabilities names",
    remedy:
      "Upgrade the receiver; or take the name out of requireCapabilities, if it can be done without",
  },
  TUNNEL_UNREACHABLE: {
    ...RETRIED,
    summary: "The connection to the receiver broke off",
    remedy:
      "It reconnects by itself; if it repeats, ask what cuts connections on the way to the host of receiver.url (firewall, balancer)",
  },
  TUNNEL_PROTOCOL: {
    ...RETRIED,
    summary:
      "The receiver broke the tunnel protocol, or said that we did; the connection was closed",
    remedy: "It reconnects by itself; if it repeats, report both versions to the vendor",
  },
  TUNNEL_SILENT: {
    ...RETRIED,
    summary: "Nothing came from the receiver in time; the connection was dropped",
    remedy:
      "It reconnects by itself; if it repeats, look for a firewall that drops idle connections",
  },
  TUNNEL_HELD_DOWN: {
    ...RETRIED,
    summary: "An outage drill holds the connection to the receiver down; messages are kept",
    remedy: "It ends by itself, or now with holdfast drill stop",
  },
  TUNNEL_FENCED: {
    ...RETRIED,
    summary: "The receiver holds another connection of this agent's identity for the newer one",
    remedy:
      "Once a day: a receiver that had stood still read an old greeting; nothing to do. Twice: find and stop the copy of this agent; an identity belongs to one machine. It is tried again by itself",
  },
  TUNNEL_DUPLICATE_IDENTITY: {
    ...RETRIED,
    summary:
      "Two machines hold this agent's identity and take turns: the receiver has locked both out",
    remedy:
      "Find the copy and stop it, then call the vendor, who lets one in again; both keep their messages",
  },
} as const satisfies Record<string, CatalogueRow>;
