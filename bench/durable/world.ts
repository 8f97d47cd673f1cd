/** What a contest takes place in: a folder on a disk, and processes in it. All are gone afterwards, whatever happens. */
import { mkdtemp, rm, statfs } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Actor, type ActorOptions } from "./actor.ts"
import type { HoldfastOrders } from "./holdfast-actor.ts"
import type { Handlers } from "./orders.ts"
import type { SqliteOrders } from "./sqlite-actor.ts"

const HOLDFAST: URL = new URL("holdfast-actor.ts", import.meta.url)
const SQLITE: URL = new URL("sqlite-actor.ts", import.meta.url)
const TMPFS = 0x01021994

export class World {
  readonly folder: string
  readonly #actors: { kill(): Promise<void> }[] = []

  private constructor(folder: string) {
    this.folder = folder
  }

  static async use<T>(use: (world: World) => Promise<T>): Promise<T> {
    const parent = tmpdir()
    const { type } = await statfs(parent)
    if (type === TMPFS) {
      throw new Error(`expected a disk under "${parent}", found memory; set TMPDIR to a folder on a disk`)
    }
    const world = new World(await mkdtemp(join(parent, "holdfast-bench-")))
    try {
      return await use(world)
    } finally {
      await Promise.all(world.#actors.map(async (actor) => await actor.kill()))
      await rm(world.folder, { recursive: true, force: true })
    }
  }

  /** A process that opens the world's store. The first that does keeps it. */
  async startHoldfast(): Promise<Actor<HoldfastOrders>> {
    return await this.start<HoldfastOrders>(HOLDFAST, { args: [join(this.folder, "store")] })
  }

  /** A process that drives SQLite, and the disk, by hand. */
  async startSqlite(): Promise<Actor<SqliteOrders>> {
    return await this.start<SqliteOrders>(SQLITE, { args: [this.folder] })
  }

  async start<Orders extends Handlers>(program: URL, options: ActorOptions): Promise<Actor<Orders>> {
    const actor = await Actor.start<Orders>(program, options)
    this.#actors.push(actor)
    return actor
  }
}
