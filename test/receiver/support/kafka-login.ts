/** The broker's end of a SASL login: PLAIN (RFC 4616), and SCRAM (RFC 5802, RFC 7677). @module */
import { createHash, createHmac, pbkdf2Sync, timingSafeEqual } from "node:crypto";

export interface Login {
  readonly mechanism: "PLAIN" | "SCRAM-SHA-256" | "SCRAM-SHA-512";
  readonly username: string;
  readonly password: string;
}

const SALT = Buffer.from("salt of the test");
const ITERATIONS = 4_096;

/** One conversation. */
export class LoginCheck {
  readonly #login: Login;
  #first: { readonly bare: string; readonly server: string } | undefined;
  /** The peer is who it says. */
  isDone = false;

  constructor(login: Login) {
    this.#login = login;
  }

  /** @returns what is answered; undefined if the login fails */
  step(said: Buffer): string | undefined {
    const text = said.toString();
    const { mechanism, username, password } = this.#login;
    if (mechanism === "PLAIN") {
      this.isDone = text === `\0${username}\0${password}`;
      return this.isDone ? "" : undefined;
    }
    return this.#first === undefined ? this.#begin(text) : this.#end(text, this.#first);
  }

  #begin(text: string): string | undefined {
    const [, bare = "", user, nonce] = /^n,,(n=([^,]*),r=(.+))$/.exec(text) ?? [];
    if (user !== this.#login.username) return undefined;
    const server = `r=${nonce}SERVER,s=${SALT.toString("base64")},i=${ITERATIONS}`;
    this.#first = { bare, server };
    return server;
  }

  #end(text: string, first: { readonly bare: string; readonly server: string }) {
    const [, without = "", proof = ""] = /^(c=biws,r=[^,]+),p=(.+)$/.exec(text) ?? [];
    const hash = this.#login.mechanism === "SCRAM-SHA-256" ? "sha256" : "sha512";
    const bytes = hash === "sha256" ? 32 : 64;
    const salted = pbkdf2Sync(this.#login.password, SALT, ITERATIONS, bytes, hash);
    const hmac = (key: Buffer, data: string) => createHmac(hash, key).update(data).digest();
    const all = `${first.bare},${first.server},${without}`;
    const stored = createHash(hash).update(hmac(salted, "Client Key")).digest();
    const signature = hmac(stored, all);
    const given = Buffer.from(proof, "base64").map((byte, index) => byte ^ (signature[index] ?? 0));
    const found = createHash(hash).update(given).digest();
    this.isDone = timingSafeEqual(found, stored) && without.includes("SERVER");
    if (!this.isDone) return undefined;
    return `v=${hmac(hmac(salted, "Server Key"), all).toString("base64")}`;
  }
}
