/** What the platform's own verifier says of a package (W12). @module */

export type SignatureVerdict =
  | { readonly kind: "verified"; readonly publisher: string }
  | { readonly kind: "refused"; readonly why: string }
  /** @see command what a person can run where that is possible, for `FILE` */
  | { readonly kind: "unchecked"; readonly why: string; readonly command: string };

/** What is looked at: a copy of ours, and a folder of ours to work in. */
export interface Judged {
  readonly path: string;
  readonly workFolder: string;
}
