/** Wrappers around functions and objects: each notes the call, then does what the original does. */

type Callable = (...args: never[]) => unknown;

/** Notes each call and construction first, also through `util.promisify`. */
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

/** Replaces a property; false if it cannot be changed. */
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

/** Notes each use of an accessor; `change` may replace its value. */
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

/** A proxy of an object that notes every call of its functions. */
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

/** Makes all functions of an object note their calls, in place or in a copy. */
export function noteAll(
  from: object,
  { into, note, only }: { into: object; note: (name: string) => void; only?: ReadonlySet<string> | undefined },
): void {
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
