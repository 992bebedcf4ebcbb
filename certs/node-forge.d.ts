/**
 * What Holdfast uses of `node-forge`: its ASN.1 writer, and its reader of PKCS#12. The published types
 * cover the whole library, most of which must not be reached (07, Libraries).
 *
 * @module
 */
declare module "node-forge/lib/asn1.js" {
  /** A value being built; opaque. */
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
    toDer(value: Asn1): { getBytes(): string };
  };

  // biome-ignore lint/style/noDefaultExport: what a CommonJS module is to its importers
  export { asn1 as default };
}
