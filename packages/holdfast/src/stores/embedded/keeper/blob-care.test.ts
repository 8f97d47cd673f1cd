import { beforeEach, describe, expect, it } from "vitest"
import {
  type Command,
  type Digest,
  encodeValue,
  type Identity,
  type SessionId,
  storedBinary,
} from "../../../kernel/index.ts"
import type { EvictableResult } from "../journal/blob-index.ts"
import { BlobCare } from "./blob-care.ts"

const ME = "me" as SessionId // Brand constructor.
const YOU = "you" as SessionId // Brand constructor.

function digestOf(seed: number): Digest {
  return seed.toString(16).padStart(2, "0").repeat(32) as Digest // 64 hexadecimal digits.
}

/** A value that names the file of the seed. */
function naming(seed: number) {
  const reader = {
    read: () => {
      throw new Error("nobody reads here")
    },
  }
  return encodeValue([storedBinary(digestOf(seed), seed, reader)], "a value")
}

function put(seed: number): Command {
  const writes = [{ kind: "put", name: "x", value: naming(seed) }] as const
  return { kind: "commitCells", session: ME, holding: [], reads: [], writes, starts: [], step: null, complete: null }
}

/** Files and rows in the test's hands. */
class World {
  readonly files = new Set<Digest>()
  readonly temporaries = new Map<string, string>()
  readonly named = new Set<Digest>()
  readonly open = new Set<SessionId>([ME, YOU])
  readonly alive = new Set<string>()
  released: Digest[] = []
  evictable: EvictableResult[] = []
  bytes = 0
  budget: number | null = null
  failure: Error | null = null
  readonly care: BlobCare

  constructor() {
    this.care = new BlobCare({
      files: {
        has: ({ digest }) => this.files.has(digest),
        remove: (digest) => {
          if (this.failure !== null) throw this.failure
          this.files.delete(digest)
        },
        list: (shard) => [...this.files].filter((digest) => Number.parseInt(digest.slice(0, 2), 16) === shard),
        temporaries: () => [...this.temporaries].map(([name, client]) => ({ name, client })),
        removeTemporary: (name) => this.temporaries.delete(name),
      },
      index: {
        isNamed: (digest) => this.named.has(digest),
        totals: () => ({ count: this.named.size, bytes: this.bytes }),
        budgetBytes: () => this.budget,
        evictable: (limit) => this.evictable.slice(0, limit),
        takeReleased: () => this.released.splice(0),
      },
      isOpen: (session) => this.open.has(session),
      isAlive: (client) => this.alive.has(client),
    })
  }

  clear(): void {
    while (this.care.hasWork) this.care.step()
  }
}

function resultOf(seed: number, bytes: number): EvictableResult {
  return { identity: `hf1:${String(seed)}` as Identity, digest: digestOf(seed), bytes } // Brand constructor.
}

let world: World

beforeEach(() => {
  world = new World()
  // Nothing was left behind.
  world.clear()
})

describe("a file that a request names (S3)", () => {
  it("must be there; the first that is not is told", () => {
    world.files.add(digestOf(1))
    expect(world.care.missing(put(1), 1)).toBeNull()
    expect(world.care.missing(put(2), 1)).toEqual({ digest: digestOf(2), byteLength: 2 })
  })

  it("stays until its batch is durable, and beyond where a row names it by then", () => {
    for (const seed of [1, 2]) world.files.add(digestOf(seed))
    world.care.missing(put(1), 3)
    world.care.missing(put(2), 3)
    world.released = [digestOf(1), digestOf(2)]
    world.care.settled(2)
    world.clear()
    expect(world.files.size).toBe(2)
    world.named.add(digestOf(1))
    world.care.settled(3)
    world.clear()
    // The request that named the other was refused.
    expect([...world.files]).toEqual([digestOf(1)])
  })

  it("stays for the later of two batches", () => {
    world.files.add(digestOf(1))
    world.care.missing(put(1), 5)
    world.care.missing(put(1), 3)
    world.care.settled(4)
    world.clear()
    expect(world.files.size).toBe(1)
    world.care.settled(5)
    world.clear()
    expect(world.files.size).toBe(0)
  })

  it("stays also where a run that was handed out before names it", () => {
    world.files.add(digestOf(1))
    world.care.protect([naming(1), null], 2)
    world.released = [digestOf(1)]
    world.care.settled(1)
    world.clear()
    expect(world.files.size).toBe(1)
  })
})

describe("a file that a session holds (S3)", () => {
  beforeEach(() => {
    world.files.add(digestOf(1))
    world.care.hold(ME, { hold: [digestOf(1)], drop: [] })
    world.care.hold(YOU, { hold: [digestOf(1)], drop: [] })
    world.released = [digestOf(1)]
    world.care.settled(1)
    world.clear()
    expect(world.files.size).toBe(1)
  })

  it("goes when the last has let go of it, or has ended", () => {
    world.care.hold(ME, { hold: [], drop: [digestOf(1), digestOf(9)] })
    world.clear()
    expect(world.files.size).toBe(1)
    world.care.sessionEnded(YOU)
    world.clear()
    expect(world.files.size).toBe(0)
  })

  it("stays where a row names it by then", () => {
    world.named.add(digestOf(1))
    for (const session of [ME, YOU]) world.care.sessionEnded(session)
    world.clear()
    expect(world.files.size).toBe(1)
  })

  it("is held by nobody who is gone without a word", () => {
    world.open.clear()
    world.released = [digestOf(1)]
    world.care.settled(2)
    world.clear()
    expect(world.files.size).toBe(0)
  })
})

describe("clearing away (S3)", () => {
  it("waits for as long as anybody has asked for that, and then goes on", () => {
    const [one, other] = [{}, {}]
    world.files.add(digestOf(1))
    world.care.pause(one)
    world.care.pause(other)
    world.released = [digestOf(1)]
    world.care.settled(1)
    expect(world.care.hasWork).toBe(false)
    world.care.step()
    expect([world.care.resume(one), world.care.resume(one)]).toEqual([true, false])
    expect(world.care.hasWork).toBe(false)
    world.care.step()
    expect(world.files.size).toBe(1)
    world.care.resume(other)
    world.clear()
    expect(world.files.size).toBe(0)
  })

  it("finds what crashes left, in every folder, and temporary files of the dead alone", () => {
    const after = new World()
    for (const seed of [0, 7, 255]) after.files.add(digestOf(seed))
    after.named.add(digestOf(7))
    after.alive.add("alive")
    after.temporaries.set("alive.1", "alive").set("dead.1", "dead")
    after.clear()
    expect([...after.files]).toEqual([digestOf(7)])
    expect([...after.temporaries.keys()]).toEqual(["alive.1"])
  })

  it("removes a few at a time, and passes over what cannot be removed", () => {
    for (let seed = 0; seed < 20; seed += 1) world.files.add(digestOf(seed))
    world.released = [...world.files]
    world.care.settled(1)
    world.care.step()
    expect(world.files.size).toBe(12)
    world.failure = new Error("EBUSY")
    world.clear()
    expect(world.files.size).toBe(12)
  })
})

describe("a budget (O9)", () => {
  beforeEach(() => {
    world.evictable = [resultOf(1, 100), resultOf(2, 100), resultOf(3, 100)]
    world.bytes = 350
  })

  it("has the least recently used evicted, and no more than it takes", () => {
    expect(world.care.overBudget(0)).toEqual([])
    world.care.setBudget(200)
    expect(world.care.overBudget(0)).toEqual(world.evictable.slice(0, 2))
    world.care.setBudget(350)
    expect(world.care.overBudget(0)).toEqual([])
    expect(world.care.above(0)).toEqual(world.evictable)
  })

  it("counts a file once that several results share", () => {
    world.evictable = [resultOf(1, 100), { ...resultOf(1, 100), identity: "hf1:same" as Identity }, resultOf(2, 100)]
    expect(world.care.above(150).map(({ identity }) => identity)).toEqual(["hf1:1", "hf1:same", "hf1:2"])
  })

  it("waits until what was evicted is durable, which is when it counts as evicted", () => {
    world.care.setBudget(200)
    world.care.noteEvicted(2, 5)
    expect([world.care.overBudget(4), world.care.view.evicted]).toEqual([[], 0])
    world.care.settled(4)
    expect(world.care.view.evicted).toBe(0)
    world.care.settled(5)
    expect(world.care.view.evicted).toBe(2)
    expect(world.care.overBudget(5)).toHaveLength(2)
  })

  it("is not tried again and again where nothing can be evicted", () => {
    world.care.setBudget(200)
    world.care.noteEvicted(0, 1)
    expect(world.care.overBudget(1)).toEqual([])
    world.bytes = 360
    expect(world.care.overBudget(1)).toHaveLength(2)
  })

  it("is told to the journal once, with what was used since", () => {
    expect(world.care.takeNews()).toBeUndefined()
    world.care.use(naming(1), 10)
    world.care.use(naming(1), 20)
    expect(world.care.takeNews()).toEqual({ used: [{ digest: digestOf(1), at: 20 }], budgetBytes: undefined })
    world.care.setBudget(null)
    expect(world.care.takeNews()).toEqual({ used: [], budgetBytes: null })
    expect(world.care.takeNews()).toBeUndefined()
  })

  it("that did not fit the disk is what it was before, and what was evicted with it is not evicted (S5)", () => {
    world.budget = 1_000
    const { care } = new World()
    const kept = world.care
    kept.setBudget(10)
    kept.takeNews()
    kept.noteEvicted(3, 7)
    kept.rollBack()
    expect(kept.view).toMatchObject({ budgetBytes: 1_000, evicted: 0 })
    expect(kept.takeNews()).toBeUndefined()
    kept.settled(8)
    expect(kept.view.evicted).toBe(0)
    // One that no batch had taken yet is refused with the rest.
    care.setBudget(10)
    care.rollBack()
    expect([care.view.budgetBytes, care.takeNews()]).toEqual([null, undefined])
  })
})
