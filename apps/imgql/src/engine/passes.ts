/**
 * Passes over images: what {@link Sweeps} gathered, found in one pass, and brought to each by itself.
 *
 *     joins ──a thread is free──▶ claims ──it is ours──▶ found in the pass ──▶ delivered
 *                                    └──it is somebody else's──▶ left to them
 *
 * Where only a few are wanted of an image that nobody else wants, there may be a shorter way than to compute it first.
 */
import type { Semaphore } from "holdfast"
import type { Handle } from "../graph/graph.ts"
import type { Image } from "../image/image.ts"
import { rangeOf } from "../kernels/selection.ts"
import { volume } from "../kernels/statistics.ts"
import { sweep as sweepKernel, sweepMask } from "../kernels/sweep.ts"
import { type BinaryThresholdParameters, binaryThreshold } from "../kernels/threshold.ts"
import type { Means, Shortcut, Value } from "../primitives/primitive.ts"
import type { Stored } from "./operations.ts"
import type { Residence, Room } from "./residence.ts"
import { type Part, type Sweep, Sweeps } from "./sweeps.ts"
import type { Values } from "./values.ts"

/** Somebody whose result a pass brings. */
export interface Member {
  readonly id: string
  readonly part: Part
  /** Asks for it, with a thread at hand: whether it is to be found here. Never rejects. */
  claim(): Promise<boolean>
  /** What it comes to by itself, of the image: for one mask, a pass is the longer way. */
  alone(image: Image): Promise<Value>
  deliver(stored: Stored): void
  fail(error: unknown): void
}

/** What an image is computed of, where there is a shorter way to selections of it. */
export interface Origin {
  readonly inputs: readonly Handle[]
  readonly shortcut: Shortcut
}

export interface PassesOptions {
  readonly threads: Semaphore
  readonly residence: Residence
  readonly signal: AbortSignal
  readonly values: Values
  /** What kernels run by, for these operations. */
  readonly meansFor: (ids: readonly string[]) => Means
  /** Null where there is no shorter way, or the image is wanted itself. */
  readonly originOf: (image: Handle) => Origin | null
  /** Sees that an image is computed. */
  readonly ensure: (image: Handle) => Promise<void>
  /** Shows that somebody is at these while the work goes on. */
  readonly attend: <T>(ids: readonly string[], work: Promise<T>) => Promise<T>
}

/** With more of one image, the image and one pass over it are faster. */
const MOST_DIRECT = 6

/** With more masks of one image, one pass over it and a look at a table for each are faster than a threshold for each. */
const MOST_RANGES = 3

export class Passes {
  readonly #options: PassesOptions
  readonly #sweeps = new Sweeps<Member>()

  constructor(options: PassesOptions) {
    this.#options = options
  }

  /** Whether who joins now is found together with others. */
  isOpen(image: Handle): boolean {
    return this.#sweeps.isOpen(image)
  }

  /** Whoever joins is told by its own `deliver` or `fail`, unless its claim was refused. */
  join(member: Member): void {
    const sweep = this.#sweeps.join(member)
    if (sweep !== null) void this.#run(member.part.image, sweep)
  }

  /** Never rejects: what fails, fails for those who wait for it. */
  async #run(image: Handle, sweep: Sweep<Member>): Promise<void> {
    const { threads, signal, residence, originOf, ensure, attend } = this.#options
    let grant: Awaited<ReturnType<typeof threads.acquire>> | null = null
    let members: readonly Member[] = sweep.members
    try {
      grant = await threads.acquire()
      signal.throwIfAborted()
      this.#sweeps.close(image, sweep)
      const origin = originOf(image)
      const isDirect = origin !== null && (await this.#isDirect(origin, members))
      if (origin !== null && !isDirect) {
        // Whoever computes it needs a thread.
        await grant.release()
        await ensure(image)
        grant = await threads.acquire()
        signal.throwIfAborted()
      }
      const claims = await Promise.all(members.map((member) => member.claim()))
      members = members.filter((_, at) => claims[at] === true)
      if (members.length === 0) return
      const ids = members.map(({ id }) => id)
      await attend(
        ids,
        residence.within((room) =>
          origin !== null && isDirect ? this.#goDirectly(origin, members, room) : this.#sweepOver(image, members, room),
        ),
      )
    } catch (error) {
      this.#sweeps.close(image, sweep)
      for (const member of members) member.fail(error)
    } finally {
      await grant?.release()
    }
  }

  async #isDirect({ inputs, shortcut }: Origin, members: readonly Member[]): Promise<boolean> {
    if (members.length > MOST_DIRECT) return false
    const { residence, values } = this.#options
    return await residence.within(
      async (room) =>
        await values.with(inputs, room, (args) => {
          try {
            return Promise.resolve(members.every(({ part }) => shortcut(args, part.selection) !== null))
          } catch {
            // One asks for what cannot be, which the pass finds out, and for whom.
            return Promise.resolve(false)
          }
        }),
    )
  }

  async #goDirectly({ inputs, shortcut }: Origin, members: readonly Member[], room: Room): Promise<void> {
    await this.#options.values.with(inputs, room, async (args) => {
      for (const same of bySelection(members)) await this.#makeOne(same, args, shortcut, room)
    })
  }

  /** The mask of members that select the same, which some may only count. */
  async #makeOne(members: readonly Member[], args: readonly Value[], shortcut: Shortcut, room: Room): Promise<void> {
    try {
      const [way] = members.map(({ part }) => shortcut(args, part.selection))
      if (way == null) throw new Error("there was a shorter way, and is none any more")
      const means = this.#options.meansFor(members.map(({ id }) => id))
      const mask = await way(means)
      const bytes = mask.voxels.byteLength
      await room.take(bytes)
      await this.#deliverMask(members, mask)
      room.giveBack(bytes)
    } catch (error) {
      for (const member of members) member.fail(error)
    }
  }

  async #sweepOver(node: Handle, members: readonly Member[], room: Room): Promise<void> {
    const { values } = this.#options
    const image = await values.load(node, room)
    try {
      await this.#passOver(image, members, room)
    } finally {
      values.release(node)
    }
  }

  async #passOver(image: Image, members: readonly Member[], room: Room): Promise<void> {
    const [only] = members
    try {
      await this.#find(image, members, room)
    } catch (error) {
      if (members.length === 1) return only?.fail(error)
      // One that asks for what cannot be fails alone: then each has a pass of its own.
      for (const member of members) await this.#passOver(image, [member], room)
    }
  }

  /** Masks are made of the classes one by one, so that they are not all in memory. */
  async #find(image: Image, members: readonly Member[], room: Room): Promise<void> {
    const { meansFor } = this.#options
    const means = meansFor(members.map(({ id }) => id))
    const selections = members.map(({ part }) => part.selection)
    const areClassesKept = members.some(({ part }) => part.wants === "mask")
    const bytes = areClassesKept ? roomForMasks(image, members) : 0
    await room.take(bytes)
    try {
      const [only] = members
      if (members.length === 1 && only !== undefined && isPlain(only.part)) {
        return await this.#deliver(only, await only.alone(image))
      }
      const ranges = areClassesKept ? rangesOf(image, members) : null
      if (ranges !== null) {
        for (const [range, same] of ranges) {
          const mask = await meansFor(same.map(({ id }) => id)).run(binaryThreshold, [image], range)
          await this.#deliverMask(same, mask)
        }
        return
      }
      const { counts, tableOf, classes } = await means.run(sweepKernel, [image], { selections, areClassesKept })
      for (const [at, member] of members.entries()) {
        const isMask = member.part.wants === "mask" && classes !== null
        const value = isMask ? await meansFor([member.id]).run(sweepMask, [classes], tableOf(at)) : (counts[at] ?? 0)
        await this.#deliver(member, value)
      }
    } finally {
      room.giveBack(bytes)
    }
  }

  /** To members that select the same, which some may only count. */
  async #deliverMask(members: readonly Member[], mask: Image): Promise<void> {
    for (const member of members) {
      const isMask = member.part.wants === "mask"
      await this.#deliver(member, isMask ? mask : await this.#options.meansFor([member.id]).run(volume, [mask], {}))
    }
  }

  async #deliver(member: Member, value: Value): Promise<void> {
    member.deliver(await this.#options.values.write(member.id, value))
  }
}

/** Members as few thresholds of the image, where they are that. */
function rangesOf(image: Image, members: readonly Member[]): [BinaryThresholdParameters, readonly Member[]][] | null {
  const groups = bySelection(members)
  if (groups.length > MOST_RANGES) return null
  const ranges: [BinaryThresholdParameters, readonly Member[]][] = []
  for (const same of groups) {
    const [range] = same.map(({ part }) => rangeOf(image.type, part.selection))
    if (range == null) return null
    ranges.push([range, same])
  }
  return ranges
}

/** Those that select the same together. */
function bySelection(members: readonly Member[]): readonly (readonly Member[])[] {
  const groups = new Map<string, Member[]>()
  for (const member of members) {
    // JSON has no word for numbers that are infinite or none.
    const key = JSON.stringify(member.part.selection, (_, value: unknown) =>
      typeof value === "number" ? String(value) : value,
    )
    const same = groups.get(key)
    if (same === undefined) groups.set(key, [member])
    else same.push(member)
  }
  return [...groups.values()]
}

function isPlain({ wants, terms }: Part): boolean {
  return wants === "mask" && terms === 1
}

/** The classes, a byte or two a voxel, and a mask with its bits. */
function roomForMasks({ voxels }: Image, members: readonly Member[]): number {
  const terms = members.reduce((sum, { part }) => sum + part.terms, 0)
  const bytesAClass = 2 * terms + 2 <= 256 ? 1 : 2
  return Math.ceil(voxels.length * (bytesAClass + 1 + 1 / 8))
}
