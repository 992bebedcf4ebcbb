/** Scripts that a package manager runs: one text for both programs. @module */
import type { LinuxPackage } from "./contents.ts";

/** @param text with `@name@` and `@farewell@` */
export const filled = (text: string, { name, farewell }: LinuxPackage): string =>
  text.replaceAll("@name@", name).replaceAll("@farewell@", farewell);
