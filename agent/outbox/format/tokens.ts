/** Kinds of tokens: by them a row is found whose values are sealed (08 2.1). Stored, so never changed. @module */

/** Of MSH-10. */
export const TOKEN_OF_CONTROL_ID = 1;
/** Of the SHA-256 of a body. */
export const TOKEN_OF_CONTENT = 2;
