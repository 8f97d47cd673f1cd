/** The locks of one event loop that the broken programs were written with: first come, first served, with a bounded wait. */
import type { ScenarioContext } from "holdfast/race"

/** The timers a bounded wait is measured by. */
type Timers = ScenarioContext["env"]["timers"]

/** A wait that was longer than it may be, as `asyncio.wait_for` reports it. */
export class TimeoutError extends Error {
  override readonly name = "TimeoutError"
}

/** So many at a time. */
export class AsyncSemaphore {
  #permits: number
  readonly #waiting = new Set<() => void>()

  constructor(permits: number) {
    this.#permits = permits
  }

  async acquire(): Promise<void> {
    if (this.#permits > 0) {
      this.#permits -= 1
      return
    }
    await new Promise<void>((resolve) => this.#waiting.add(resolve))
  }

  /** @throws TimeoutError when it is not its turn within `waitMs` */
  async acquireWithin(timers: Timers, waitMs: number): Promise<void> {
    if (this.#permits > 0) {
      this.#permits -= 1
      return
    }
    await new Promise<void>((resolve, reject) => {
      const grant = (): void => {
        timer.cancel()
        resolve()
      }
      const timer = timers.after(waitMs, () => {
        this.#waiting.delete(grant)
        reject(new TimeoutError(`the lock was not free within ${String(waitMs)} ms`))
      })
      this.#waiting.add(grant)
    })
  }

  /** Hands the permit to whoever waits longest. */
  release(): void {
    const [next] = this.#waiting
    if (next === undefined) {
      this.#permits += 1
      return
    }
    this.#waiting.delete(next)
    next()
  }

  async run<T>(body: () => Promise<T>): Promise<T> {
    await this.acquire()
    try {
      return await body()
    } finally {
      this.release()
    }
  }
}

/** One at a time. */
export class AsyncLock extends AsyncSemaphore {
  constructor() {
    super(1)
  }
}

/** A value for every key, made when it is first asked for. */
export class Keyed<T> {
  readonly #values = new Map<string, T>()
  readonly #make: () => T

  constructor(make: () => T) {
    this.#make = make
  }

  of(key: string): T {
    const known = this.#values.get(key)
    if (known !== undefined) return known
    const made = this.#make()
    this.#values.set(key, made)
    return made
  }
}
