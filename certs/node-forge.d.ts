/**
 * What Holdfast uses of `node-forge`: its ASN.1 writer, and its reader of PKCS#12. The published types
 * cover the whole library, most of which must not be reached (07, Libraries).
 *
 * @module
 */
declare module "node-forge/lib/asn1.js" {
  /** A value being built, or taken apart; opaque. */
  interface Asn1 {
    readonly tagClass: number;
  }
  const asn1: {
    readonly Class: { readonly UNIVERSAL: number; readonly CONTEXT_SPECIFIC: number };
    readonly Type: {
      readonly BITSTRING: number;
      readonly INTEGER: number;
      readonly OID: number;
      readonly SEQUENCE: number;
      readonly SET: number;
      readonly UTF8: number;
    };
    create(
      tagClass: number,
      type: number,
      constructed: boolean,
      /** One byte a character where it is a text. */
      value: string | readonly Asn1[],
    ): Asn1;
    oidToDer(oid: string): { getBytes(): string };
    /** @param bytes one byte a character @throws for what is no DER */
    fromDer(bytes: string, strict: boolean): Asn1;
    toDer(value: Asn1): { getBytes(): string };
  };

  // biome-ignore lint/style/noDefaultExport: what a CommonJS module is to its importers
  export { type Asn1, asn1 as default };
}

declare module "node-forge/lib/pkcs12.js" {
  /** As of the module above. */
  interface Asn1 {
    readonly tagClass: number;
  }
  interface Bag {
    /** What the library does not understand: any key or certificate that is not RSA. */
    readonly asn1?: Asn1;
  }
  const pkcs12: {
    /** @throws if the password is another one, or it is no PKCS#12 */
    pkcs12FromAsn1(
      value: Asn1,
      strict: boolean,
      password: string,
    ): { getBags(filter: { readonly bagType: string }): Record<string, Bag[] | undefined> };
  };

  // biome-ignore lint/style/noDefaultExport: what a CommonJS module is to its importers
  export { pkcs12 as default };
}
