/** What a contest takes place in: a folder on a disk, and processes in it. All are gone when it is left. */
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

export class World implements AsyncDisposable {
  readonly folder: string
  readonly #actors: { kill(): Promise<void> }[] = []
  readonly #made = new Map<string, Promise<string>>()
  readonly #deferred: (() => Promise<void>)[] = []

  /** A world under the folder for temporary files, which `TMPDIR` says; it must be on a disk. */
  static async open(): Promise<World> {
    const parent = tmpdir()
    const { type } = await statfs(parent)
    // What is in memory is flushed in no time.
    if (type === TMPFS)
      throw new Error(`expected a disk under "${parent}", found memory; set TMPDIR to a folder on a disk`)
    return new World(await mkdtemp(join(parent, "holdfast-bench-")))
  }

  private constructor(folder: string) {
    this.folder = folder
  }

  get storeFolder(): string {
    return join(this.folder, "store")
  }

  /** A process that opens the world's store. The first that does keeps it. */
  async startHoldfast(): Promise<Actor<HoldfastOrders>> {
    return await this.start<HoldfastOrders>(HOLDFAST, { args: [this.storeFolder] })
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

  /** Makes something of that name when it is asked for first, and gives that to all who ask. */
  async once(name: string, make: () => Promise<string>): Promise<string> {
    const made = this.#made.get(name) ?? make()
    this.#made.set(name, made)
    return await made
  }

  /** Ends all its processes as they stand. */
  async killAll(): Promise<void> {
    await Promise.all(this.#actors.splice(0).map(async (actor) => await actor.kill()))
  }

  /** To be done before the processes are ended. */
  defer(end: () => Promise<void>): void {
    this.#deferred.push(end)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled(this.#deferred.map(async (end) => await end()))
    await this.killAll()
    await rm(this.folder, { recursive: true, force: true })
  }
}
