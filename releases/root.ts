/**
 * The root of trust for releases, compiled in (07 section 3). It is separate from the anchor of 2.6.
 *
 * @module
 */

/** What the compiled-in platform signatures are checked against (W12). */
export interface Publisher {
  readonly openpgp: {
    /** Public key block of the packages' signer, armoured. */
    readonly armoured: string;
    /** Upper-case hex of primary keys. */
    readonly fingerprints: readonly string[];
  };
  readonly authenticode: {
    /** PEM of the CAs that the signer's certificate, and the timestamp's, must lead to. */
    readonly cas: string;
    /** The signer's subject, as `osslsigncode` prints it: `/C=…/O=…/CN=…`. */
    readonly subject: string;
  };
}

export interface ReleaseTrust {
  /** `N.root.json` as it was published. */
  readonly root: Uint8Array;
  readonly publisher: Publisher;
}

/**
 * Undefined until the vendor has made its keys (docs: releases): a build without a root verifies no package, and
 * says so. The build of a release puts the published root here; nothing at run time can.
 */
export const EMBEDDED_TRUST: ReleaseTrust | undefined = undefined;
