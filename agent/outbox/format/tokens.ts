/** Kinds of tokens: by them a row is found whose values are sealed (08 2.1). Stored, so never changed. @module */

/** Of MSH-10. */
export const TOKEN_OF_CONTROL_ID = 1;
/** Of the SHA-256 of a body. */
export const TOKEN_OF_CONTENT = 2;
/** Of the content key of a dropped file (04 P26). */
export const TOKEN_OF_FILE_CONTENT = 3;
/** Of its name, identity, size and time. */
export const TOKEN_OF_FILE = 4;
