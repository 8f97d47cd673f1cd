// A critical section that counts who is inside. `maxInside` above 1 means that mutual exclusion was broken.

import { setTimeout as sleep } from "node:timers/promises"

export class CriticalSection {
  maxInside = 0
  #inside = 0

  /** Goes in, stays until `until` is settled, and leaves. */
  async stay(until: Promise<unknown>): Promise<void> {
    this.#inside += 1
    this.maxInside = Math.max(this.maxInside, this.#inside)
    try {
      await until
    } finally {
      this.#inside -= 1
    }
  }

  async stayMs(durationMs: number): Promise<void> {
    await this.stay(sleep(durationMs))
  }
}
