/**
 * The time, timers and randomness of a program that takes no env: for as long as a schedule runs, the global `setTimeout`,
 * `setInterval`, `setImmediate`, `Date`, `performance.now` and `Math.random` are those of the schedule, and so is
 * `setTimeout` of `node:timers/promises`.
 *
 * 1. What was captured before stays real, as by `const { setTimeout } = globalThis` at import, and so does what Node arms
 *    itself, as for `AbortSignal.timeout`.
 * 2. There is one global object: explorations that replace it run one after the other.
 */
import { syncBuiltinESMExports } from "node:module"
import timersPromises from "node:timers/promises"
import type { Env, Timer } from "../env/env.ts"
import { ScenarioError } from "./choices/chooser.ts"

let isReplaced = false

/**
 * Replaces the globals; what it returns puts them back.
 *
 * @throws ScenarioError while they are replaced already
 */
export function replaceGlobals(env: Env): () => void {
  if (isReplaced) {
    throw new ScenarioError(
      "expected one exploration with simulated globals at a time, found a second; await the first before the next begins",
    )
  }
  const restores = [
    replace(globalThis, "setTimeout", createSetTimeout(env)),
    replace(globalThis, "setInterval", createSetInterval(env)),
    replace(globalThis, "setImmediate", createSetImmediate(env)),
    ...(["clearTimeout", "clearInterval", "clearImmediate"] as const).map((name) => {
      const real = globalThis[name] as (handle: unknown) => void
      return replace(globalThis, name, (handle: unknown) => {
        // A timer armed before the schedule is a real one.
        if (handle instanceof SimulatedTimeout) handle.close()
        else real(handle)
      })
    }),
    replace(globalThis, "Date", createDate(env)),
    replace(performance, "now", () => env.clock.monotonic()),
    replace(Math, "random", () => env.random.next()),
    replace(timersPromises, "setTimeout", createSleep(env)),
  ]
  // Named imports of a module of Node's follow its object only when told so.
  syncBuiltinESMExports()
  isReplaced = true
  return () => {
    for (const restore of restores) restore()
    syncBuiltinESMExports()
    isReplaced = false
  }
}

/** Gives the property another value, and returns what gives it its own one back. */
function replace(owner: object, name: string, value: unknown): () => void {
  const own = Object.getOwnPropertyDescriptor(owner, name)
  Object.defineProperty(owner, name, { value, writable: true, configurable: true, enumerable: own?.enumerable ?? true })
  return () => {
    if (own === undefined) Reflect.deleteProperty(owner, name)
    else Object.defineProperty(owner, name, own)
  }
}

type Callback = (...args: unknown[]) => void

/** What Node's timers are to those who arm them. A schedule waits for nobody's sake, so `unref` says nothing. */
class SimulatedTimeout {
  readonly #env: Env
  readonly #delayMs: number
  readonly #callback: () => void
  #timer: Timer
  #isReferenced = true

  constructor(env: Env, delayMs: number, callback: () => void) {
    this.#env = env
    this.#delayMs = delayMs
    this.#callback = callback
    this.#timer = env.timers.after(delayMs, callback)
  }

  ref(): this {
    this.#isReferenced = true
    return this
  }

  unref(): this {
    this.#isReferenced = false
    return this
  }

  hasRef(): boolean {
    return this.#isReferenced
  }

  refresh(): this {
    this.#timer.cancel()
    this.#timer = this.#env.timers.after(this.#delayMs, this.#callback)
    return this
  }

  close(): this {
    this.#timer.cancel()
    return this
  }

  [Symbol.dispose](): void {
    this.close()
  }
}

function createSetTimeout(env: Env) {
  return (callback: Callback, delayMs?: number, ...args: unknown[]): SimulatedTimeout =>
    new SimulatedTimeout(env, asNodeDelay(delayMs), () => {
      callback(...args)
    })
}

function createSetInterval(env: Env) {
  return (callback: Callback, delayMs?: number, ...args: unknown[]): SimulatedTimeout => {
    const timeout = new SimulatedTimeout(env, asNodeDelay(delayMs), () => {
      // Armed again before the callback, which may clear it.
      timeout.refresh()
      callback(...args)
    })
    return timeout
  }
}

function createSetImmediate(env: Env) {
  return (callback: Callback, ...args: unknown[]): SimulatedTimeout =>
    new SimulatedTimeout(env, 0, () => {
      callback(...args)
    })
}

/** `setTimeout` of `node:timers/promises`. */
function createSleep(env: Env) {
  return async <T>(
    delayMs?: number,
    value?: T,
    { signal }: { readonly signal?: AbortSignal } = {},
  ): Promise<T | undefined> =>
    await new Promise((resolve, reject) => {
      const abort = (): void => {
        timer.cancel()
        const name = "AbortError"
        reject(
          Object.assign(new Error("The operation was aborted", { cause: signal?.reason }), { name, code: "ABORT_ERR" }),
        )
      }
      const timer = env.timers.after(asNodeDelay(delayMs), () => {
        signal?.removeEventListener("abort", abort)
        resolve(value)
      })
      if (signal?.aborted === true) abort()
      else signal?.addEventListener("abort", abort, { once: true })
    })
}

/** What Node makes of a delay: 1 ms of one that is no number, below 1 ms or beyond what it can keep. */
function asNodeDelay(delayMs: unknown): number {
  const LONGEST_MS = 2 ** 31 - 1
  const delay = Number(delayMs)
  return delay >= 1 && delay <= LONGEST_MS ? Math.trunc(delay) : 1
}

function createDate(env: Env): DateConstructor {
  const RealDate = Date
  return new Proxy(RealDate, {
    apply: () => new RealDate(env.clock.now()).toString(),
    construct: (target, args, newTarget) => {
      const given: unknown[] = args.length === 0 ? [env.clock.now()] : args
      return Reflect.construct(target, given, newTarget) as Date
    },
    get: (target, property, receiver) =>
      property === "now" ? () => env.clock.now() : (Reflect.get(target, property, receiver) as unknown),
  })
}
