/**
 * Images in memory, and room to compute in, under one bound. All of the images are in the store or in a file, too, or can be put
 * into one, so any that nobody uses at the moment may go.
 *
 *     absent ──keep──▶ idle ◀──release── used
 *       ▲               │└────use────────▶
 *       └──room wanted──┘ (least recently used first; what is nowhere else is put away before)
 *
 * Whatever takes memory for images takes room for it first: what is read, decoded, computed and waiting to be written.
 *
 *     begun ──take──▶ waits for room ──▶ goes on ──end──▶ all given back
 *       └──aside──▶ waits for something else ──▶ goes on
 *
 * What is given back or evicted is garbage then, which the runtime does not see by itself (threads/garbage.ts), so it is told.
 *
 * 1. What is used stays. The bound may be passed by what is used, never by what is idle.
 * 2. Somebody always goes on, under any bound: where all who have begun wait, the first of those who wait for room has it.
 * 3. What cannot be put away stays, whatever the bound.
 */
import type { Image } from "../image/image.ts"

interface Resident {
  readonly image: Image
  readonly bytes: number
  uses: number
  /** Puts it where it can be read again; null where it is. */
  putAway: (() => Promise<void>) | null
  way: "none" | "begun" | "failed"
}

interface Waiting {
  readonly bytes: number
  readonly resolve: () => void
}

export interface ResidenceOptions {
  readonly maxBytes: number
  /** Makes the memory free that images and computations have left behind. */
  readonly collect: () => void
}

/** Of the bound, so much is for what is there and taken; what is freed stays with the allocator for a while, too. */
const PRESENT_SHARE = 1 / 2
/** So much may be garbage, or so many bytes where that is less: collecting takes time. */
const GARBAGE_SHARE = 1 / 4
const LEAST_GARBAGE_BYTES = 32 * 1024 * 1024

export class Residence {
  readonly #maxBytes: number
  readonly #collect: () => void
  readonly #maxGarbageBytes: number
  /** Given back and evicted since it was collected. */
  #garbageBytes = 0
  /** Least recently used first. */
  readonly #residents = new Map<string, Resident>()
  readonly #waiting: Waiting[] = []
  #residentBytes = 0
  /** Taken by those who have begun. */
  #takenBytes = 0
  /** Those who have begun and wait for nothing. */
  #going = 0
  #peakBytes = 0

  constructor({ maxBytes, collect }: ResidenceOptions) {
    this.#maxBytes = maxBytes * PRESENT_SHARE
    this.#collect = collect
    this.#maxGarbageBytes = Math.max(LEAST_GARBAGE_BYTES, maxBytes * GARBAGE_SHARE)
  }

  /** The most that was held and taken at once. */
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

  /**
   * Takes an image in, in use by who brings it. Of two with one id the first stays, and is given back. `putAway` is called before it
   * goes, where it is nowhere else.
   */
  keep(id: string, image: Image, putAway: (() => Promise<void>) | null = null): Image {
    const known = this.use(id)
    if (known !== undefined) return known
    const bytes = image.voxels.byteLength
    this.#residents.set(id, { image, bytes, uses: 1, putAway, way: "none" })
    this.#residentBytes += bytes
    this.#settle()
    return image
  }

  /** Does something that takes memory, and gives back afterwards whatever it took. */
  async within<T>(work: (room: Room) => Promise<T>): Promise<T> {
    const room: Room = {
      bytes: 0,
      take: async (bytes) => await this.#take(room, bytes),
      giveBack: (bytes) => {
        room.bytes -= bytes
        this.#takenBytes -= bytes
        this.#leave(bytes)
        this.#settle()
      },
      aside: async (wait) => {
        this.#going -= 1
        this.#settle()
        try {
          return await wait()
        } finally {
          this.#going += 1
        }
      },
    }
    this.#going += 1
    try {
      return await work(room)
    } finally {
      this.#going -= 1
      this.#takenBytes -= room.bytes
      this.#leave(room.bytes)
      this.#settle()
    }
  }

  async #take(room: Room, bytes: number): Promise<void> {
    // First come, first served: a large one is not passed over for ever.
    if (this.#waiting.length > 0 || !this.#fits(bytes)) {
      this.#going -= 1
      await new Promise<void>((resolve) => {
        this.#waiting.push({ bytes, resolve })
        this.#settle()
      })
    } else {
      this.#add(bytes)
    }
    room.bytes += bytes
  }

  /** Whether there is room, once idle images have made it. */
  #fits(bytes: number): boolean {
    this.#evict(bytes)
    return this.#residentBytes + this.#takenBytes + bytes <= this.#maxBytes
  }

  #add(bytes: number): void {
    this.#takenBytes += bytes
    this.#peakBytes = Math.max(this.#peakBytes, this.#residentBytes + this.#takenBytes)
  }

  #settle(): void {
    this.#evict(0)
    this.#peakBytes = Math.max(this.#peakBytes, this.#residentBytes + this.#takenBytes)
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      // What makes room may have to be waited for, too.
      const isRoom = this.#fits(next.bytes)
      if (this.#going > 0 && !isRoom) return
      this.#waiting.shift()
      this.#going += 1
      this.#add(next.bytes)
      next.resolve()
    }
  }

  #evict(wantedBytes: number): void {
    let missing = this.#residentBytes + this.#takenBytes + wantedBytes - this.#maxBytes
    for (const [id, resident] of this.#residents) {
      if (missing <= 0) return
      const { uses, bytes, putAway, way } = resident
      if (uses > 0 || way === "failed") continue
      missing -= bytes
      if (putAway !== null) {
        if (way === "none") void this.#putAway(resident, putAway)
        continue
      }
      this.#residents.delete(id)
      this.#residentBytes -= bytes
      this.#leave(bytes)
    }
  }

  /** Never rejects. Whoever waits for room waits for this, as for those who have begun. */
  async #putAway(resident: Resident, putAway: () => Promise<void>): Promise<void> {
    resident.way = "begun"
    this.#going += 1
    try {
      await putAway()
      resident.putAway = null
    } catch {
      resident.way = "failed"
    }
    this.#going -= 1
    this.#settle()
  }

  #leave(bytes: number): void {
    this.#garbageBytes += bytes
    if (this.#garbageBytes < this.#maxGarbageBytes) return
    this.#garbageBytes = 0
    this.#collect()
  }
}

/** What one computation has of the memory. One step at a time: it waits for one thing or none. */
export interface Room {
  /** What is taken at the moment. */
  bytes: number
  /** Waits for so much more. */
  take(bytes: number): Promise<void>
  giveBack(bytes: number): void
  /** Waits for what somebody else does, who may need the room that is held up here. */
  aside<T>(wait: () => Promise<T>): Promise<T>
}
