/** Objects and functions whose calls are steps: a database client, a part of `fs`, `fetch`, a client of some service. */
import { type Access, reads, writes } from "./access.ts"
import type { Schedule } from "./schedule.ts"

/** How an object or a function is wrapped. */
export interface WrapOptions {
  /** What it is called in the timeline. */
  readonly name: string
  /** The methods that are steps; default: every function of the object and its class, each of which then answers late. */
  readonly methods?: readonly string[]
  /**
   * What a call touches, for explorations that share what is declared; default: it may touch anything. A function that is
   * wrapped itself has "" for its method. See {@link fileAccesses} and {@link requestAccesses}.
   */
  readonly touches?: (method: string, args: readonly unknown[]) => readonly Access[]
}

/** As {@link ScenarioContext.wrap}. */
export function wrapObject<T extends object>(schedule: Schedule, target: T, options: WrapOptions): T {
  const { name, methods, touches } = options
  const call = async (method: string, args: readonly unknown[], work: () => unknown): Promise<unknown> =>
    await schedule.perform(labelOf(name, method, args), touches?.(method, args) ?? null, work)
  return new Proxy(target, {
    get(object, property) {
      // With the object itself as receiver, since private fields belong to it and not to its proxy.
      const member: unknown = Reflect.get(object, property, object)
      if (typeof member !== "function" || typeof property !== "string") return member
      if (methods !== undefined && !methods.includes(property)) return member.bind(object) as unknown
      return async (...args: unknown[]) => await call(property, args, () => Reflect.apply(member, object, args))
    },
    async apply(callee, self, args: unknown[]) {
      // Only what can be called gets here.
      return await call("", args, () => Reflect.apply(callee as (...args: unknown[]) => unknown, self, args))
    },
  })
}

/** What calls of `node:fs/promises` touch, by path: for `wrap(fs, { name: "fs", touches: fileAccesses })`. */
export function fileAccesses(method: string, args: readonly unknown[]): readonly Access[] {
  const [path, other] = args
  const file = `file ${String(path)}`
  if (READING.has(method)) return [reads(file)]
  // Names come and go in a folder: whoever lists it sees that.
  if (method === "readdir") return [reads(`folder ${String(path)}`)]
  const changed = [writes(file), writes(`folder ${parentOf(String(path))}`)]
  if (!MOVING.has(method)) return changed
  const target = String(other)
  const source = method === "rename" ? changed : [reads(file)]
  return [...source, writes(`file ${target}`), writes(`folder ${parentOf(target)}`)]
}

const READING: ReadonlySet<string> = new Set(["readFile", "stat", "lstat", "access", "readlink", "realpath"])
const MOVING: ReadonlySet<string> = new Set(["rename", "copyFile", "link"])

function parentOf(path: string): string {
  return path.includes("/") ? path.slice(0, path.lastIndexOf("/")) : "."
}

/** What a request by `fetch` touches, by its address without the query: GET and HEAD read it, everything else writes it. */
export function requestAccesses(_method: string, args: readonly unknown[]): readonly Access[] {
  const [input, init] = args
  const request = input instanceof Request ? input : null
  const { origin, pathname } = new URL(request?.url ?? String(input))
  const verb = (init as { readonly method?: string } | undefined)?.method ?? request?.method ?? "GET" // As fetch takes it.
  const resource = `${origin}${pathname}`
  return [/^(get|head)$/i.test(verb) ? reads(resource) : writes(resource)]
}

function labelOf(name: string, method: string, args: readonly unknown[]): string {
  const [first] = args
  const shown = typeof first === "string" || typeof first === "number" ? ` ${String(first)}` : ""
  return `${method === "" ? name : `${name}.${method}`}${shown}`
}
