/** What `Math.max` and `Math.min` do not do for seqs and epochs. @module */

export const larger = (a: bigint, b: bigint): bigint => (a > b ? a : b);
export const smaller = (a: bigint, b: bigint): bigint => (a < b ? a : b);
