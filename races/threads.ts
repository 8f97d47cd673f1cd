/** Threads beside an event loop: a lock they wait for, and a pool of few of them. */
import type { ScenarioContext } from "holdfast/race"

/** A lock of threads, first come, first served. Asking for it is a step, and whoever waits for it waits until it has it. */
export class ThreadLock {
  readonly #name: string
  readonly #step: ScenarioContext["step"]
  readonly #waiting: (() => void)[] = []
  #isHeld = false

  constructor(name: string, { step }: ScenarioContext) {
    this.#name = name
    this.#step = step
  }

  async acquire(): Promise<void> {
    await this.#step(`asks for ${this.#name}`)
    if (this.tryAcquire()) return
    await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }

  tryAcquire(): boolean {
    if (this.#isHeld) return false
    this.#isHeld = true
    return true
  }

  release(): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#isHeld = false
    else next()
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

/** So many threads, each of which does one job after the other; jobs wait where all of them are busy. */
export class ThreadPool {
  readonly #actor: ScenarioContext["actor"]
  readonly #idle: string[]
  readonly #waiting: ((thread: string) => void)[] = []

  constructor(threads: number, { actor }: ScenarioContext) {
    this.#actor = actor
    this.#idle = Array.from({ length: threads }, (_, index) => `thread ${String(index + 1)}`)
  }

  /** Lets a thread do the job: what it does are that thread's steps. */
  async run<T>(job: () => Promise<T>): Promise<T> {
    const thread = this.#idle.shift() ?? (await new Promise<string>((resolve) => this.#waiting.push(resolve)))
    try {
      return await this.#actor(thread, job)
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#idle.push(thread)
      else next(thread)
    }
  }
}
