/**
 * Whether the store still answers, asked now and then while anything is waited for. A wait that stands is no request: where
 * whoever keeps the store is frozen in between, nothing else would ever tell of it, and the wait would last as long.
 *
 *     nobody waits ──during()──▶ waits ──a while──▶ asks ──answered──▶ waits …
 *                                                     └──not answered──▶ all who wait are told
 */

/** A frozen keeper is told of after this and the bound that requests have. */
const PULSE_MS = 10_000

export class Pulse {
  readonly #ask: () => Promise<unknown>
  readonly #everyMs: number
  readonly #waiting = new Set<(error: unknown) => void>()
  #timer: NodeJS.Timeout | null = null
  #isAsking = false

  /** `ask` rejects where the store does not answer. */
  constructor(ask: () => Promise<unknown>, everyMs: number = PULSE_MS) {
    this.#ask = ask
    this.#everyMs = everyMs
  }

  /** What the work comes to, or that the store does not answer meanwhile. */
  async during<T>(work: Promise<T>): Promise<T> {
    return await new Promise<T>((resolve, reject) => {
      this.#waiting.add(reject)
      this.#arm()
      const over = (): void => {
        this.#waiting.delete(reject)
        if (this.#waiting.size === 0) this.#disarm()
      }
      work.then(resolve, reject).then(over, over)
    })
  }

  /** A poll, since nobody tells that a process is frozen: one small request for all waits together. */
  #arm(): void {
    if (this.#isAsking || this.#waiting.size === 0) return
    this.#timer ??= setTimeout(() => void this.#beat(), this.#everyMs)
  }

  #disarm(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
  }

  async #beat(): Promise<void> {
    this.#timer = null
    this.#isAsking = true
    try {
      await this.#ask()
    } catch (error) {
      for (const reject of this.#waiting) reject(error)
      this.#waiting.clear()
    }
    this.#isAsking = false
    this.#arm()
  }
}
