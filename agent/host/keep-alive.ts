/** For commands that wait: timers of `clock` keep no process alive. @module */

/** Never comes about: longer is taken for 1 ms. */
const FAR_MS = 2 ** 31 - 1;

/** The process goes on until this is disposed. */
export function keepAlive(): Disposable {
  const timer = setInterval(() => {}, FAR_MS);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
