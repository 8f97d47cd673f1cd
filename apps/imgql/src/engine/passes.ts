/**
 * Passes over images: what {@link Sweeps} gathered, found in one pass, and brought to each by itself.
 *
 *     joins ──a thread is free──▶ claims ──it is ours──▶ found in the pass ──▶ delivered
 *                                    └──it is somebody else's──▶ left to them
 */
import type { Semaphore } from "holdfast"
import type { Handle } from "../graph/graph.ts"
import type { Image } from "../image/image.ts"
import { sweep as sweepKernel, sweepMask } from "../kernels/sweep.ts"
import type { Means, Value } from "../primitives/primitive.ts"
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

export interface PassesOptions {
  readonly threads: Semaphore
  readonly residence: Residence
  readonly signal: AbortSignal
  readonly values: Values
  /** What kernels run by, for these operations. */
  readonly meansFor: (ids: readonly string[]) => Means
  /** Shows that somebody is at these while the work goes on. */
  readonly attend: <T>(ids: readonly string[], work: Promise<T>) => Promise<T>
}

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
    const { threads, signal, residence, attend } = this.#options
    let grant: Awaited<ReturnType<typeof threads.acquire>> | null = null
    let members: readonly Member[] = sweep.members
    try {
      grant = await threads.acquire()
      signal.throwIfAborted()
      this.#sweeps.close(image, sweep)
      const claims = await Promise.all(members.map((member) => member.claim()))
      members = members.filter((_, at) => claims[at] === true)
      if (members.length === 0) return
      const ids = members.map(({ id }) => id)
      await attend(
        ids,
        residence.within((room) => this.#sweepOver(image, members, room)),
      )
    } catch (error) {
      this.#sweeps.close(image, sweep)
      for (const member of members) member.fail(error)
    } finally {
      await grant?.release()
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

  async #deliver(member: Member, value: Value): Promise<void> {
    member.deliver(await this.#options.values.write(member.id, value))
  }
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
