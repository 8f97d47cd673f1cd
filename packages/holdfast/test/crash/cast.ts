/** The players of one store: who plays, who waits to replace them, who keeps the store. */
import { mkdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import type { Ledger } from "./ledger.ts"
import { PlayerProcess } from "./player-process.ts"
import { writePlayerProgram } from "./player-program.ts"

export interface CastOptions {
  /** Of everything the harness makes. */
  readonly folder: string
  readonly dist: URL
  readonly seed: number
  readonly ledger: Ledger
}

/** Started and waiting, so that replacing a victim costs no start of a process. */
const SPARES = 2

export class Cast {
  readonly #options: CastOptions
  readonly #program: string
  readonly #players = new Map<string, PlayerProcess>()
  readonly #spares: PlayerProcess[] = []
  /** Over since the last audit; their last words are heard. */
  #fallen: string[] = []
  #started = 0
  #isClosing = false

  constructor(options: CastOptions) {
    this.#options = options
    this.#program = writePlayerProgram(join(options.folder, "program"))
    for (const name of ["witnesses", "controls"]) mkdirSync(join(options.folder, name))
  }

  get players(): readonly PlayerProcess[] {
    return [...this.#players.values()].filter((player) => !player.isOver)
  }

  /** Who keeps the store now, if it is one of the players. */
  get keeper(): PlayerProcess | null {
    const pid = this.#keeperPid()
    return this.players.find((player) => player.pid === pid) ?? null
  }

  find(id: string): PlayerProcess | null {
    return this.#players.get(id) ?? null
  }

  /**
   * As many players as that: missing ones join, those too many leave as a program does. `mayEnd` is of those who join:
   * what waits for them may kill them before anybody else can say so.
   */
  async fill(count: number, mayEnd = false): Promise<void> {
    // One first, so that the others find a keeper.
    if (this.players.length === 0) await this.#join(mayEnd)
    const missing = Math.max(0, count - this.players.length)
    await Promise.all(Array.from({ length: missing }, () => this.#join(mayEnd)))
    const leaving = this.players.slice(count)
    await Promise.all(leaving.map((player) => this.leave(player)))
    while (this.#spares.length < SPARES) this.#spares.push(this.#start())
  }

  /** Ends as a program does; whatever it was doing. */
  async leave(player: PlayerProcess): Promise<void> {
    player.mayEnd = true
    await Promise.all([player.ask({ kind: "close" }).catch(ignore), player.over])
  }

  takeFallen(): readonly string[] {
    const fallen = this.#fallen
    this.#fallen = []
    return fallen
  }

  async close(): Promise<void> {
    this.#isClosing = true
    const all = [...this.#players.values(), ...this.#spares]
    await Promise.all(all.map((player) => player.kill()))
  }

  async #join(mayEnd: boolean): Promise<void> {
    const player = this.#spares.shift() ?? this.#start()
    player.mayEnd = mayEnd
    this.#players.set(player.id, player)
    const answer = await player.ask({ kind: "open" })
    if (answer.kind === "refused") this.#options.ledger.accuse("unexpected errors", `${player.id}: ${answer.message}`)
  }

  #start(): PlayerProcess {
    const { folder, dist, seed, ledger } = this.#options
    this.#started += 1
    const player = new PlayerProcess({
      id: `p${String(this.#started)}`,
      program: this.#program,
      dist,
      folder: join(folder, "store"),
      witnesses: join(folder, "witnesses"),
      controls: join(folder, "controls"),
      seed: seed + this.#started,
      onReport: ({ id }, report) => {
        ledger.note(id, report)
      },
    })
    void player.over.then(() => {
      player.control.close()
      if (this.#isClosing) return
      ledger.died()
      if (!player.mayEnd)
        ledger.accuse("unexpected errors", `${player.id} ended by itself (${String(player.exitCode)})`)
      if (this.#players.delete(player.id)) this.#fallen.push(player.id)
      else this.#spares.splice(this.#spares.indexOf(player), 1)
    })
    return player
  }

  #keeperPid(): number | null {
    try {
      const { pid } = JSON.parse(readFileSync(join(this.#options.folder, "store", "keeper.json"), "utf8")) as {
        readonly pid: number
      }
      return pid
    } catch {
      // Between two keepers.
      return null
    }
  }
}

function ignore(): void {
  // It was killed on its way out.
}
