/**
 * Cells that come and go below one prefix, and those who watch it: what each was told last is what is stored once all is
 * quiet, with nothing left of what was deleted (C4).
 */
import { HoldfastError } from "../../src/kernel/index.ts"
import type { Cell, Holdfast } from "../../src/runtime/index.ts"
import type { Machine } from "./machine.ts"
import type { Program, Task } from "./program.ts"

const PREFIX = "shelf/"
const NAMES = ["shelf/0", "shelf/1", "shelf/2"]

interface Told {
  readonly version: number
  /** Undefined where it has none. */
  readonly value: number | undefined
}

/** One who watches the prefix. */
interface Watch {
  readonly program: Program
  readonly told: Map<string, Told>
  isOver: boolean
}

export class ShelfWork {
  readonly #machine: Machine
  readonly #watches: Watch[] = []
  /** What each version of each cell was seen to be. */
  readonly #seen = new Map<string, number | undefined>()
  readonly #enough = new Set<AbortController>()
  #lastId = 0

  constructor(machine: Machine) {
    this.#machine = machine
  }

  async act(task: Task): Promise<void> {
    const name = task.pick(NAMES)
    switch (task.pick(["put", "remove", "watch"])) {
      case "put": {
        this.#lastId += 1
        const id = this.#lastId
        return await this.#write(task, `puts ${String(id)} into ${name}`, async (cell) => await cell.set(id), name)
      }
      case "remove":
        return await this.#write(task, `empties ${name}`, async (cell) => await cell.delete(), name)
      default:
        this.#watch(task)
    }
  }

  async #write(
    task: Task,
    what: string,
    write: (cell: Cell<number | undefined>) => Promise<number>,
    name: string,
  ): Promise<void> {
    await task.attempt(
      what,
      async () => await write(task.hf.cell<number>(name)),
      () => undefined,
    )
  }

  #watch({ program }: Task): void {
    const watch: Watch = { program, told: new Map(), isOver: false }
    this.#watches.push(watch)
    program.task("watch", async (watcher) => {
      const controller = new AbortController()
      this.#enough.add(controller)
      try {
        for await (const { name, version, value } of watcher.hf.watch(PREFIX, { signal: controller.signal })) {
          if (!program.isAlive) continue
          // Only numbers are put there.
          this.#tell(watch, watcher.name, name, { version, value: value as number | undefined })
          if (watcher.chance(4)) await watcher.pause(20)
        }
      } catch (error) {
        if (!(error instanceof HoldfastError) || !ENDS.has(error.code)) throw error
      }
      this.#enough.delete(controller)
      watch.isOver = true
    })
  }

  #tell({ told }: Watch, watcher: string, name: string, news: Told): void {
    const { version, value } = news
    this.#machine.note(() => `${watcher} sees ${name} at ${String(version)} as ${String(value)}`)
    const last = told.get(name)?.version ?? 0
    if (version <= last) this.#machine.fault(`C4: ${watcher} saw ${name} at ${String(version)} after ${String(last)}`)
    told.set(name, news)
    const place = `${name} at ${String(version)}`
    if (this.#seen.has(place) && this.#seen.get(place) !== value)
      this.#machine.fault(`C5: ${place} was seen as ${String(value)} and as ${String(this.#seen.get(place))}`)
    this.#seen.set(place, value)
  }

  /** Whether everybody who watches knows what there is, and of nothing else. */
  async isTold(hf: Holdfast): Promise<boolean> {
    const watching = this.#watches.filter(({ program, isOver }) => !isOver && program.isAlive && !program.isOver)
    if (watching.length === 0) return true
    const stored = new Map((await hf.list(PREFIX)).map(({ name, version }) => [name, version]))
    return watching.every(({ told }) =>
      NAMES.every((name) => {
        const last = told.get(name)
        const version = stored.get(name)
        return version === undefined ? last?.value === undefined : last?.version === version && last.value !== undefined
      }),
    )
  }

  stopWatching(): void {
    for (const controller of this.#enough) controller.abort()
  }
}

const ENDS: ReadonlySet<string> = new Set(["SESSION_LOST", "CLOSED", "STORE_UNAVAILABLE", "STORE_FULL"])
