/**
 * News in order where it matters: what one request or watch is told waits for what it was told before, whose large
 * values may still be read; all else goes ahead.
 */

/** Some news, told when the promise settles or, without one, by now. It must not reject. */
export type Telling = () => Promise<void> | undefined

export class Lanes {
  /** The last of each lane that has something under way. */
  readonly #last = new Map<string, Promise<void>>()

  /** Tells in the order of the lane; at once where nothing is under way in it, or where it is null. */
  tell(lane: string | null, tell: Telling): void {
    const last = lane === null ? undefined : this.#last.get(lane)
    const telling = last === undefined ? tell() : last.then(tell)
    if (telling === undefined || lane === null) return
    this.#last.set(lane, telling)
    void this.#clear(lane, telling)
  }

  async #clear(lane: string, telling: Promise<void>): Promise<void> {
    await telling
    // Identity-checked: more may have come meanwhile.
    if (this.#last.get(lane) === telling) this.#last.delete(lane)
  }
}
