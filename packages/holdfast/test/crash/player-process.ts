/**
 * One player, at the harness's end.
 *
 *     waiting ──open──▶ playing ──killed, closed──▶ over
 *
 * 1. `over` resolves when the process is gone and everything it had said is heard.
 * 2. A player that ends in any other way than it was made to is a fault of the store.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { FailControl } from "./fail-control.ts"
import type { Addressed, Answer, Order, Report } from "./words.ts"

export interface PlayerOptions {
  readonly id: string
  readonly program: string
  readonly dist: URL
  readonly folder: string
  readonly witnesses: string
  readonly controls: string
  readonly seed: number
  readonly onReport: (player: PlayerProcess, report: Exclude<Report, { readonly kind: "answer" }>) => void
}

/** What a player was asked when it died. */
export class PlayerDied extends Error {}

export class PlayerProcess {
  readonly id: string
  readonly control: FailControl
  readonly over: Promise<void>
  /** It may end by itself: it was asked to, or something in its way kills. */
  mayEnd = false
  isOver = false
  exitCode: number | null = null
  readonly #child: ChildProcess
  readonly #onReport: PlayerOptions["onReport"]
  readonly #asked = new Map<
    number,
    { readonly resolve: (answer: Answer) => void; readonly reject: (e: Error) => void }
  >()
  #lastId = 0
  #rest = ""

  constructor(options: PlayerOptions) {
    this.id = options.id
    this.control = new FailControl(`${options.controls}/${options.id}`)
    this.#onReport = options.onReport
    const { program, dist, folder, witnesses, id, seed } = options
    this.#child = spawn(process.execPath, [program, dist.href, folder, witnesses, id, String(seed)], {
      env: { ...process.env, HOLDFAST_FAIL_POINTS: this.control.path },
      stdio: ["pipe", "pipe", "inherit"],
    })
    this.#child.stdin?.on("error", ignore)
    this.#child.stdout?.setEncoding("utf8")
    this.#child.stdout?.on("data", (text: string) => {
      this.#hear(text)
    })
    this.over = new Promise((resolve) => {
      this.#child.on("close", (code) => {
        this.isOver = true
        this.exitCode = code
        for (const { reject } of this.#asked.values()) reject(new PlayerDied(`${this.id} died`))
        this.#asked.clear()
        resolve()
      })
    })
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  async ask(order: Order): Promise<Answer> {
    if (this.isOver) throw new PlayerDied(`${this.id} is dead`)
    this.#lastId += 1
    const addressed: Addressed = { id: this.#lastId, order }
    return await new Promise((resolve, reject) => {
      this.#asked.set(addressed.id, { resolve, reject })
      this.#child.stdin?.write(`${JSON.stringify(addressed)}\n`)
    })
  }

  signal(signal: "SIGKILL" | "SIGSTOP" | "SIGCONT" | "SIGTERM"): void {
    this.#child.kill(signal)
  }

  async kill(): Promise<void> {
    this.mayEnd = true
    this.signal("SIGKILL")
    await this.over
  }

  #hear(text: string): void {
    const lines = (this.#rest + text).split("\n")
    this.#rest = lines.pop() ?? ""
    for (const line of lines) {
      const report = JSON.parse(line) as Report // What say.ts writes.
      if (report.kind !== "answer") this.#onReport(this, report)
      else {
        this.#asked.get(report.id)?.resolve(report.answer)
        this.#asked.delete(report.id)
      }
    }
  }
}

function ignore(): void {
  // It died; whoever asked is told so.
}
