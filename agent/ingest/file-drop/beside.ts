/** What goes on beside what is awaited first. @module */

/** An error of it is met where it is awaited itself, however late that is. */
export function beside<T>(begun: Promise<T>): Promise<T> {
  begun.catch(() => {});
  return begun;
}
