/** The table that a run prints, in Markdown: each figure beside the limit of the same run. @module */

export type Row = readonly [
  figure: string,
  value: string,
  limit: string,
  ratio: string,
  target: string,
];

export const whole = (value: number): string => Math.round(value).toLocaleString("en-US");
export const ratio = (value: number): string => value.toFixed(2);
export const megabytes = (bytes: number): string => `${Math.round(bytes / 1e6)} MB`;
export const milliseconds = (value: number): string => `${value.toFixed(2)} ms`;

export function print(table: readonly Row[]): void {
  console.log("\n| figure | measured | limit in the same run | ratio | target |");
  console.log("| --- | --- | --- | --- | --- |");
  for (const row of table) console.log(`| ${row.join(" | ")} |`);
}
