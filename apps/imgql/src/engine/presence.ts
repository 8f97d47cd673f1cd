/**
 * Who is at a computation, and whether they still are. A process that dies loses its claims at once, and the store hands them
 * on. One that is frozen (stopped, or starved) loses nothing, and others would wait for it for ever. But operations here are
 * pure, so that computing one twice costs time only. So whoever is at one for long shows it by a lock with a lease, and who
 * has waited for long asks for that lock: having it, they compute in the other's place, and the store takes what comes first.
 *
 *     waits ──the result comes──▶ done
 *       └──for long──▶ asks for the lock ──it comes first──▶ deserted: computes
 *
 * Nothing of this is asked of the store for what takes less than a while.
 */
import { type Holdfast, isHoldfastError } from "holdfast"

export interface PresenceTimes {
  /** Who is at something for longer shows it. */
  readonly showAfterMs: number
  /** Who does not renew it for so long is taken for frozen. */
  readonly leaseMs: number
  /** Who waits for longer asks whether anybody is still at it. */
  readonly patienceMs: number
}

/** A frozen process delays the others for at most patience and lease together: ten seconds. */
export const PRESENCE_TIMES: PresenceTimes = { showAfterMs: 1_000, leaseMs: 6_000, patienceMs: 4_000 }

/** Names of one lock. */
const MAX_NAMES = 500

export class Presence {
  readonly #store: Holdfast
  readonly #times: PresenceTimes

  constructor(store: Holdfast, times: PresenceTimes = PRESENCE_TIMES) {
    this.#store = store
    this.#times = times
  }

  /** Shows that somebody is at these, if it takes long. */
  async attend<T>(ids: readonly string[], work: Promise<T>): Promise<T> {
    const over = new AbortController()
    const timer = setTimeout(() => {
      for (let from = 0; from < ids.length; from += MAX_NAMES) {
        void this.#show(ids.slice(from, from + MAX_NAMES), work, over.signal)
      }
    }, this.#times.showAfterMs)
    try {
      return await work
    } finally {
      clearTimeout(timer)
      over.abort()
    }
  }

  /** Never rejects: what is lost is a sign only. */
  async #show(ids: readonly string[], work: Promise<unknown>, signal: AbortSignal): Promise<void> {
    const { leaseMs } = this.#times
    const lock = this.#store.lock(ids.map(lockName))
    const done = work.then(ignore, ignore)
    try {
      await this.#store.detached(async () => await lock.run(async () => await done, { leaseMs, signal }))
    } catch {
      // The work is over, or somebody has taken it for deserted.
    }
  }

  /** Waits for the result of what somebody else is at; where nobody is any more, `takeOver` is to bring it about. */
  async follow(id: string, result: Promise<unknown>, takeOver: () => Promise<void>): Promise<void> {
    const { patienceMs, leaseMs } = this.#times
    const over = new AbortController()
    const isPatient = wait(patienceMs, over.signal)
    const done = result.then(() => "done" as const)
    try {
      if ((await Promise.race([done, isPatient])) === "done") return
      const lock = this.#store.lock(lockName(id))
      const { signal } = over
      const turn = this.#store.detached(async () => await lock.run(async () => await takeOver(), { leaseMs, signal }))
      await Promise.race([done, turn.catch(rethrowUnless(signal))])
      await done
    } finally {
      over.abort()
    }
  }
}

function lockName(id: string): string {
  return `imgql/at/${id}`
}

async function wait(ms: number, signal: AbortSignal): Promise<"waited"> {
  return await new Promise((resolve) => {
    const timer = setTimeout(() => resolve("waited"), ms)
    signal.addEventListener("abort", () => {
      clearTimeout(timer)
      resolve("waited")
    })
  })
}

/** A turn that nobody waits for any more is no news, nor is that its lock was lost: its work goes on all the same. */
function rethrowUnless(signal: AbortSignal): (error: unknown) => void {
  return (error) => {
    if (!signal.aborted && !isHoldfastError(error, "GRANT_LOST")) throw error
  }
}

function ignore(): void {
  // Whoever waits for it is told.
}
