/** Where commands print, so that a test can listen. @module */

/** One line of facts to standard output. */
export type Say = (line: string) => void;
