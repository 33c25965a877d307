/** Functions in the place of others: they note that they are called, and then are the other. */

type Callable = (...args: never[]) => unknown;

/** Called, constructed or taken apart by `util.promisify`, it is noted first. */
export function noting<F extends object>(real: F, note: (args: readonly unknown[]) => void): F {
  return new Proxy(real, {
    apply(target, self, args) {
      note(args);
      return Reflect.apply(target as unknown as Callable, self, args);
    },
    construct(target, args, as) {
      note(args);
      return Reflect.construct(target as never, args, as) as object;
    },
    get(target, name, self) {
      const value = Reflect.get(target, name, self);
      return name === PROMISIFIED && typeof value === "function" ? noting(value as object, note) : value;
    },
  });
}

const PROMISIFIED = Symbol.for("nodejs.util.promisify.custom");

/** Puts it into the place; false where that is fixed. */
export function put(holder: object, name: string, value: unknown): boolean {
  try {
    return (
      Reflect.set(holder, name, value) ||
      Reflect.defineProperty(holder, name, { value, configurable: true, writable: true })
    );
  } catch {
    return false;
  }
}

/** An accessor that is used is noted; what it gives may be changed. */
export function putGetter(holder: object, name: string, note: () => void, change = (value: unknown) => value): void {
  const real = Object.getOwnPropertyDescriptor(holder, name);
  const get = real?.get;
  if (get === undefined) return;
  Object.defineProperty(holder, name, {
    ...real,
    get(this: unknown) {
      note();
      return change(Reflect.apply(get, this, []));
    },
  });
}

/** An object whose functions note that they are called. */
export function everyCall(real: object, note: () => void): object {
  return new Proxy(real, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      return (...args: unknown[]) => {
        note();
        return Reflect.apply(value, target, args);
      };
    },
  });
}

/** All functions of an object note that they are called, in place or as they are copied. */
export function noteAll(from: object, into: object, note: (name: string) => void, only?: ReadonlySet<string>): void {
  for (const name of Object.keys(from)) {
    const value: unknown = Reflect.get(from, name);
    const isNoted = typeof value === "function" && (only === undefined || only.has(name));
    if (isNoted)
      put(
        into,
        name,
        noting(value as object, () => note(name)),
      );
    else if (into !== from) put(into, name, value);
  }
}
