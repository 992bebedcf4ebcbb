/**
 * The three functions of the decorator-metadata proposal that `tsyringe` insists on when it is
 * loaded; `@peculiar/x509` brings it along. The proposal was withdrawn, so no engine has them, and
 * the usual polyfill is a package of its own for what fits here. Import before `@peculiar/x509`.
 *
 * @module
 */
const metadata = new WeakMap<object, Map<unknown, unknown>>();

function getOwnMetadata(key: unknown, target: object): unknown {
  return metadata.get(target)?.get(key);
}

function getMetadata(key: unknown, target: object | null): unknown {
  for (let on = target; on !== null; on = Object.getPrototypeOf(on) as object | null) {
    const found = getOwnMetadata(key, on);
    if (found !== undefined) return found;
  }
  return undefined;
}

function defineMetadata(key: unknown, value: unknown, target: object): void {
  const known = metadata.get(target) ?? new Map<unknown, unknown>();
  metadata.set(target, known.set(key, value));
}

if (!("getMetadata" in Reflect)) {
  Object.assign(Reflect, { getOwnMetadata, getMetadata, defineMetadata });
}
