/**
 * Images in memory, under a bound. All of them are in the store, too, so any that nobody uses at the moment may go.
 *
 *     absent ──keep──▶ idle ◀──release── used
 *       ▲               │└────use────────▶
 *       └──room wanted──┘ (least recently used first)
 *
 * 1. What is used stays. The bound may be passed by what is used, never by what is idle.
 * 2. Whoever needs room waits for it, unless nobody has been given any: one computation always goes on, under any bound.
 */
import type { Image } from "../image/image.ts"

interface Resident {
  readonly image: Image
  readonly bytes: number
  uses: number
}

interface Waiting {
  readonly bytes: number
  readonly resolve: () => void
}

export class Residence {
  readonly #maxBytes: number
  /** Least recently used first. */
  readonly #residents = new Map<string, Resident>()
  readonly #waiting: Waiting[] = []
  #residentBytes = 0
  /** Room given to computations under way, and to how many. */
  #givenBytes = 0
  #given = 0
  #peakBytes = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** The most that was held and given at once. */
  get peakBytes(): number {
    return this.#peakBytes
  }

  /** The image, in use until it is released as often; undefined where it is not here. */
  use(id: string): Image | undefined {
    const resident = this.#residents.get(id)
    if (resident === undefined) return undefined
    this.#residents.delete(id)
    this.#residents.set(id, resident)
    resident.uses += 1
    return resident.image
  }

  release(id: string): void {
    const resident = this.#residents.get(id)
    if (resident === undefined) return
    resident.uses -= 1
    this.#settle()
  }

  /** Takes an image in, in use by who brings it. Of two with one id the first stays, and is given back. */
  keep(id: string, image: Image): Image {
    const known = this.use(id)
    if (known !== undefined) return known
    const bytes = image.voxels.byteLength
    this.#residents.set(id, { image, bytes, uses: 1 })
    this.#residentBytes += bytes
    this.#settle()
    return image
  }

  /** Waits for room to compute in; it is given back by `leave`. */
  async enter(bytes: number): Promise<void> {
    if (this.#waiting.length > 0 || !this.#fits(bytes)) {
      await new Promise<void>((resolve) => {
        this.#waiting.push({ bytes, resolve })
        this.#settle()
      })
      return
    }
    this.#give(bytes)
  }

  leave(bytes: number): void {
    this.#givenBytes -= bytes
    this.#given -= 1
    this.#settle()
  }

  /** Whether there is room, once idle images have made it. */
  #fits(bytes: number): boolean {
    this.#evict(bytes)
    return this.#given === 0 || this.#residentBytes + this.#givenBytes + bytes <= this.#maxBytes
  }

  #give(bytes: number): void {
    this.#givenBytes += bytes
    this.#given += 1
    this.#peakBytes = Math.max(this.#peakBytes, this.#residentBytes + this.#givenBytes)
  }

  #settle(): void {
    this.#evict(0)
    this.#peakBytes = Math.max(this.#peakBytes, this.#residentBytes + this.#givenBytes)
    // First come, first served: a large one is not passed over for ever.
    for (let next = this.#waiting[0]; next !== undefined && this.#fits(next.bytes); next = this.#waiting[0]) {
      this.#waiting.shift()
      this.#give(next.bytes)
      next.resolve()
    }
  }

  #evict(wantedBytes: number): void {
    if (this.#residentBytes + this.#givenBytes + wantedBytes <= this.#maxBytes) return
    for (const [id, { uses, bytes }] of this.#residents) {
      if (uses > 0) continue
      this.#residents.delete(id)
      this.#residentBytes -= bytes
      if (this.#residentBytes + this.#givenBytes + wantedBytes <= this.#maxBytes) return
    }
  }
}
