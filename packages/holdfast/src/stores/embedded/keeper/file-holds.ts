/**
 * For how long files of large values are held for somebody who copies them (see blob-care.ts).
 *
 *     held ──released, or its connection ends──▶ over
 *       │ └──not heard of for a while──▶ over, and its release says so
 *       └──heard of──▶ held anew
 *
 * A holder that is stopped has its connection still, and while files are held none goes: the disk would fill up.
 */
import type { Env, Timer } from "../../../env/index.ts"

/**
 * As long as it takes to link some millions of files, during which nothing is heard of who does it; while it waits for the
 * keeper, it is heard of every few seconds (see keeper-line.ts).
 */
export const HOLD_BOUND_MS = 300_000

export class FileHolds<Holder> {
  readonly #env: Env
  readonly #onExpired: (holder: Holder) => void
  readonly #timers = new Map<Holder, Timer>()

  constructor(env: Env, onExpired: (holder: Holder) => void) {
    this.#env = env
    this.#onExpired = onExpired
  }

  begin(holder: Holder): void {
    this.end(holder)
    const expire = (): void => {
      this.#timers.delete(holder)
      this.#onExpired(holder)
    }
    this.#timers.set(holder, this.#env.timers.after(HOLD_BOUND_MS, expire, { keepAlive: false }))
  }

  /** Whoever is heard of holds on, if it did. */
  heard(holder: Holder): void {
    if (this.#timers.has(holder)) this.begin(holder)
  }

  end(holder: Holder): void {
    this.#timers.get(holder)?.cancel()
    this.#timers.delete(holder)
  }

  endAll(): void {
    for (const holder of this.#timers.keys()) this.end(holder)
  }
}
