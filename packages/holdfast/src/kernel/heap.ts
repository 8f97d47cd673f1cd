/** A binary heap whose entries know their place, so that any of them leaves in O(log n). */

/** Where an entry stands in its heap; -1 when it stands in none. One slot a heap, since an entry may stand in several. */
export interface HeapPlace {
  index: number
}

/** Entries in the order of `before`; the smallest is at the top. */
export class Heap<Entry> {
  readonly #entries: Entry[] = []
  readonly #before: (a: Entry, b: Entry) => boolean
  readonly #placeOf: (entry: Entry) => HeapPlace

  constructor(options: { before: (a: Entry, b: Entry) => boolean; placeOf: (entry: Entry) => HeapPlace }) {
    this.#before = options.before
    this.#placeOf = options.placeOf
  }

  get size(): number {
    return this.#entries.length
  }

  get top(): Entry | undefined {
    return this.#entries[0]
  }

  has(entry: Entry): boolean {
    return this.#entries[this.#placeOf(entry).index] === entry
  }

  /** Adds the entry; one that is already in is moved to where it belongs now. */
  add(entry: Entry): void {
    const place = this.#placeOf(entry)
    if (!this.has(entry)) {
      place.index = this.#entries.length
      this.#entries.push(entry)
    }
    this.#sift(entry, place.index)
  }

  /** Removes the entry; nothing happens when it is not in. */
  remove(entry: Entry): void {
    if (!this.has(entry)) return
    const place = this.#placeOf(entry)
    const index = place.index
    place.index = -1
    const last = this.#entries.pop()
    if (last === undefined || last === entry) return
    this.#entries[index] = last
    this.#placeOf(last).index = index
    this.#sift(last, index)
  }

  values(): IterableIterator<Entry> {
    return this.#entries.values()
  }

  #sift(entry: Entry, start: number): void {
    let index = start
    while (index > 0) {
      const up = (index - 1) >> 1
      const parent = this.#at(up)
      if (!this.#before(entry, parent)) break
      this.#put(parent, index)
      index = up
    }
    for (;;) {
      let down = 2 * index + 1
      if (down >= this.#entries.length) break
      if (down + 1 < this.#entries.length && this.#before(this.#at(down + 1), this.#at(down))) down += 1
      const child = this.#at(down)
      if (!this.#before(child, entry)) break
      this.#put(child, index)
      index = down
    }
    this.#put(entry, index)
  }

  #at(index: number): Entry {
    // Callers stay within 0..length-1, where the array holds no gap.
    return this.#entries[index] as Entry
  }

  #put(entry: Entry, index: number): void {
    this.#entries[index] = entry
    this.#placeOf(entry).index = index
  }
}
