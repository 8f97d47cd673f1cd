/** Locks for the scenario: Holdfast's, on a store that answers at once and behind a wire, and broken ones. */
import { expect } from "vitest"
import type { Prng } from "../../src/env/prng.ts"
import { HoldfastError, type RequestId, type SessionId } from "../../src/kernel/index.ts"
import type { ScenarioContext } from "../../src/race/world.ts"
import { type Grant, type Holdable, Holdfast } from "../../src/runtime/index.ts"
import type { Store } from "../../src/store/index.ts"
import { MemoryStore } from "../../src/stores/memory/index.ts"
import { DeferredStore } from "../conformance/deferred-store.ts"
import { expectQuiet } from "../runtime-world.ts"
import type { Ask, Held, Locker, MakeLocker, Plan } from "./lock-scenario.ts"

export interface HoldfastLockerOptions {
  /** `run` holds inside a callback, `acquire` outside of any. */
  readonly way: "run" | "acquire"
  /** The store itself, or behind a wire of one line or two, every delivery of which is a step of the explorer's. */
  readonly wire: "none" | "one" | "two"
  /** All actors in one session, or each in its own. */
  readonly sessions: "one" | "each"
  /** The actors whose sessions are behind the wire; all of them where it is left out. */
  readonly far?: readonly string[]
}

/** Requests in the order they reached the store, with the tokens they were granted. */
class ArrivalLog {
  readonly #entries: { readonly session: SessionId; readonly request: RequestId; token: number | null }[] = []

  /** The store, with what passes written down. */
  tap(inner: Store): Store {
    return {
      id: inner.id,
      execute: (command) => {
        const outcome = inner.execute(command)
        if (command.kind === "acquireLock" && !(outcome instanceof Promise)) {
          const token = outcome.kind === "granted" ? outcome.token : null
          this.#entries.push({ session: command.session, request: command.request, token })
        }
        return outcome
      },
      onEvent: (handler) => {
        inner.onEvent((event) => {
          if (event.kind === "lockGranted") this.#granted(event.session, event.request, event.token)
          handler(event)
        })
      },
      onTransition: (handler) => {
        inner.onTransition(handler)
      },
      close: async () => {
        await inner.close()
      },
    }
  }

  get tokens(): readonly number[] {
    return this.#entries.flatMap(({ token }) => (token === null ? [] : [token]))
  }

  #granted(session: SessionId, request: RequestId, token: number): void {
    const entry = this.#entries.find((each) => each.session === session && each.request === request)
    if (entry !== undefined) entry.token = token
  }
}

/** Deliveries one at a time: the explorer picks which line moves next. */
const ONE_AT_A_TIME: Prng = { nextUint32: () => 1, nextUnit: () => 0.5, nextBelow: (bound) => bound - 1 }

/** Holdfast. */
export function holdfastLocker(options: HoldfastLockerOptions): MakeLocker {
  return async (context, plan) => {
    const store = new MemoryStore({ env: context.env, check: true })
    const log = new ArrivalLog()
    const wires = new Wires(context)
    const sessions = new Map<string, Holdfast>()
    for (const actor of Object.keys(plan.actors)) {
      const name = options.sessions === "one" ? "all" : actor
      const inner = log.tap(store.connect())
      const outer =
        options.wire === "none" || options.far?.includes(name) === false ? inner : wires.lay(inner, options.wire)
      if (!sessions.has(name)) {
        sessions.set(name, await Holdfast.connect({ store: outer, env: context.env, label: name }))
      }
    }
    wires.isExplored = true
    return {
      ask: async (actor, ask, signal) => {
        const hf = sessions.get(options.sessions === "one" ? "all" : actor)
        if (hf === undefined) throw new Error(`"${actor}" has no session`)
        return await hold(holdableOf(hf, plan, ask), ask, signal, options.way)
      },
      arrivals: () => log.tokens,
      finish: async () => {
        wires.isExplored = false
        await Promise.all([...sessions.values()].map(async (hf) => await hf.close()))
        const last = await Holdfast.connect({ store: store.connect(), env: context.env, label: "last" })
        expectQuiet(await last.inspect())
        expect((await last.inspect()).sessions).toHaveLength(1)
        await last.close()
        expect(context.env.pendingTimers).toEqual([])
      },
    }
  }
}

/** A session behind a wire or none, another one at the same store, and the check that both leave nothing behind. */
export async function openNear(
  context: ScenarioContext,
  wire: HoldfastLockerOptions["wire"],
): Promise<{ readonly hf: Holdfast; readonly other: Holdfast; finish(): Promise<void> }> {
  const store = new MemoryStore({ env: context.env, check: true })
  const wires = new Wires(context)
  const inner = store.connect()
  const { env } = context
  const hf = await Holdfast.connect({ store: wire === "none" ? inner : wires.lay(inner, wire), env, label: "near" })
  const other = await Holdfast.connect({ store: store.connect(), env, label: "other" })
  wires.isExplored = true
  return {
    hf,
    other,
    finish: async () => {
      wires.isExplored = false
      await hf.close()
      expectQuiet(await other.inspect())
      await other.close()
      expect(env.pendingTimers).toEqual([])
    },
  }
}

/** Wires deliver at once until the actors start and after they are done: only what lies between is explored. */
export class Wires {
  isExplored = false
  readonly #context: ScenarioContext

  constructor(context: ScenarioContext) {
    this.#context = context
  }

  lay(inner: Store, lines: "one" | "two"): Store {
    return new DeferredStore(inner, {
      random: ONE_AT_A_TIME,
      lines,
      delayBound: 2,
      postpone: (_, deliver) => void this.#deliver(deliver),
    })
  }

  async #deliver(deliver: () => void): Promise<void> {
    if (this.isExplored) await this.#context.stepAs("a wire", "delivers")
    else await Promise.resolve()
    deliver()
  }
}

function holdableOf(hf: Holdfast, { limit }: Plan, { mode }: Ask): Holdable {
  if (mode === "exclusive") return hf.lock("lock")
  return hf.semaphore("lock", limit)
}

async function hold(lock: Holdable, ask: Ask, signal: AbortSignal, way: "run" | "acquire"): Promise<Held> {
  const { mode, permits, waitMs } = ask
  const options = { ...(mode === "shared" ? { permits } : {}), signal, ...(waitMs === null ? {} : { waitMs }) }
  if (way === "acquire") {
    const grant = await lock.acquire(options)
    return { token: grant.token, release: async () => await grant.release() }
  }
  return await new Promise((resolve, reject) => {
    const running = lock.run(async (grant: Grant) => {
      await new Promise<void>((leave) => {
        const release = async (): Promise<void> => {
          leave()
          await running
        }
        resolve({ token: grant.token, release })
      })
    }, options)
    running.catch(reject)
  })
}

// A small lock, right or broken by one mistake. It knows exclusive requests only.

export type Mistake =
  | "none"
  | "awaits between check and act"
  | "lets newcomers pass"
  | "keeps the grant of who has left"
  | "lets the next in when a wait times out"
  | "wakes everybody"
  | "loses the wake-up of an aborted head"

export function smallLocker(mistake: Mistake): MakeLocker {
  return (context) => Promise.resolve(new SmallLock(context, mistake))
}

interface Waiter {
  hasLeft: boolean
  token: number | null
  readonly grant: (held: Held) => void
  /** Takes its timer and its listener away. */
  disarm: () => void
}

class SmallLock implements Locker {
  readonly #context: ScenarioContext
  readonly #mistake: Mistake
  readonly #queue: Waiter[] = []
  readonly #arrivals: { readonly token: number | null }[] = []
  #isHeld = false
  #lastToken = 0

  constructor(context: ScenarioContext, mistake: Mistake) {
    this.#context = context
    this.#mistake = mistake
  }

  async ask(actor: string, { waitMs }: Ask, signal: AbortSignal): Promise<Held> {
    signal.throwIfAborted()
    if (!this.#isHeld) {
      const arrival = { token: null as number | null }
      this.#arrivals.push(arrival)
      if (this.#mistake === "awaits between check and act") await this.#context.stepAs(actor, "acts")
      return this.#enter(arrival)
    }
    if (waitMs === 0) throw new HoldfastError("LOCK_TIMEOUT", "busy")
    return await new Promise((grant, reject) => {
      const waiter: Waiter = { hasLeft: false, token: null, grant, disarm: () => undefined }
      const leave = (reason: unknown): void => {
        this.#forget(waiter)
        reject(reason)
        if (reason !== signal.reason && this.#mistake === "lets the next in when a wait times out") this.#leave()
      }
      const onAbort = (): void => {
        leave(signal.reason)
      }
      const timer =
        waitMs === null
          ? null
          : this.#context.env.timers.after(waitMs, () => {
              leave(new HoldfastError("LOCK_TIMEOUT", "too long"))
            })
      signal.addEventListener("abort", onAbort)
      waiter.disarm = () => {
        timer?.cancel()
        signal.removeEventListener("abort", onAbort)
      }
      this.#arrivals.push(waiter)
      this.#queue.push(waiter)
    })
  }

  arrivals(): readonly number[] {
    return this.#arrivals.flatMap(({ token }) => (token === null ? [] : [token]))
  }

  finish(): Promise<void> {
    if (this.#isHeld || this.#queue.length > 0) throw new Error("L4: somebody who has left still holds or waits")
    return Promise.resolve()
  }

  #enter(arrival: { token: number | null }): Held {
    this.#isHeld = true
    this.#lastToken += 1
    arrival.token = this.#lastToken
    return {
      token: this.#lastToken,
      release: () => {
        this.#leave()
        return Promise.resolve()
      },
    }
  }

  #leave(): void {
    this.#isHeld = false
    do {
      const next = this.#queue.shift()
      if (next === undefined) return
      if (this.#mistake === "lets newcomers pass") void this.#wakeLater(next)
      else this.#wake(next)
    } while (this.#mistake === "wakes everybody")
  }

  #wake(waiter: Waiter): void {
    // The one who has left took the wake-up with it.
    if (waiter.hasLeft && this.#mistake === "loses the wake-up of an aborted head") return
    waiter.disarm()
    const held = this.#enter(waiter)
    if (!waiter.hasLeft) waiter.grant(held)
  }

  async #wakeLater(waiter: Waiter): Promise<void> {
    await this.#context.stepAs("the lock", "wakes the next")
    if (this.#isHeld) this.#queue.unshift(waiter)
    else this.#wake(waiter)
  }

  #forget(waiter: Waiter): void {
    waiter.hasLeft = true
    waiter.disarm()
    const staysQueued =
      this.#mistake === "keeps the grant of who has left" || this.#mistake === "loses the wake-up of an aborted head"
    const at = this.#queue.indexOf(waiter)
    if (at >= 0 && !staysQueued) this.#queue.splice(at, 1)
  }
}
