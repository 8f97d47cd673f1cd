/** Objects whose calls are steps: a database client, a part of `fs`, a client of some service. */
import type { Access } from "./access.ts"
import type { Schedule } from "./schedule.ts"

/** How an object is wrapped. */
export interface WrapOptions {
  /** What it is called in the timeline. */
  readonly name: string
  /** The methods that are steps; default: every function of the object and its class, each of which then answers late. */
  readonly methods?: readonly string[]
  /** What a call touches, for explorations that share what is declared; default: it may touch anything. */
  readonly touches?: (method: string, args: readonly unknown[]) => readonly Access[]
}

export function wrapObject<T extends object>(schedule: Schedule, target: T, options: WrapOptions): T {
  const { name, methods, touches } = options
  return new Proxy(target, {
    get(object, property) {
      // With the object itself as receiver, since private fields belong to it and not to its proxy.
      const member: unknown = Reflect.get(object, property, object)
      if (typeof member !== "function" || typeof property !== "string") return member
      if (methods !== undefined && !methods.includes(property)) return member.bind(object) as unknown
      return async (...args: unknown[]): Promise<unknown> => {
        const accesses = touches?.(property, args) ?? null
        return await schedule.perform(labelOf(name, property, args), accesses, () =>
          Reflect.apply(member, object, args),
        )
      }
    },
  })
}

function labelOf(name: string, method: string, args: readonly unknown[]): string {
  const [first] = args
  const shown = typeof first === "string" || typeof first === "number" ? ` ${String(first)}` : ""
  return `${name}.${method}${shown}`
}
