/** A process of its own that takes orders (orders.ts), as its parent holds it. */
import { type ChildProcess, fork } from "node:child_process"
import { once } from "node:events"
import type { Answer, Handlers } from "./orders.ts"

export interface ActorOptions {
  readonly args?: readonly string[]
  /** Another Node than this one, for programs that need it. */
  readonly execPath?: string
}

export class Actor<Orders extends Handlers> {
  readonly pid: number
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>()
  #lastId = 0
  #isReady!: () => void

  /** Starts the program, and waits until it takes orders. */
  static async start<Orders extends Handlers>(program: URL, options: ActorOptions = {}): Promise<Actor<Orders>> {
    const actor = new Actor<Orders>(program, options)
    await new Promise<void>((resolve, reject) => {
      actor.#isReady = resolve
      actor.#child.once("exit", () => reject(new Error(`expected ${program.pathname} to take orders, but it ended`)))
    })
    return actor
  }

  private constructor(program: URL, { args = [], execPath = process.execPath }: ActorOptions) {
    this.#child = fork(program, args, {
      execPath,
      stdio: ["ignore", "ignore", "inherit", "ipc"],
      // What peers use that Node has plans with is not for this page.
      env: { ...process.env, NODE_NO_WARNINGS: "1" },
    })
    this.pid = this.#child.pid ?? -1
    this.#child.on("message", (answer: Answer) => {
      if (answer === "ready") return this.#isReady()
      const waiting = this.#waiting.get(answer.id)
      this.#waiting.delete(answer.id)
      if ("error" in answer) waiting?.reject(new Error(answer.error))
      else waiting?.resolve(answer.value)
    })
    this.#child.once("exit", () => {
      for (const waiting of this.#waiting.values())
        waiting.reject(new Error(`${program.pathname} ended with orders unanswered`))
      this.#waiting.clear()
    })
  }

  async ask<Kind extends keyof Orders & string>(
    kind: Kind,
    ...params: Parameters<Orders[Kind]>
  ): Promise<Awaited<ReturnType<Orders[Kind]>>> {
    const id = (this.#lastId += 1)
    const answer = await new Promise<unknown>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      this.#child.send({ id, kind, params }, (error) => {
        if (error !== null) reject(error)
      })
    })
    // The program answers with what its handler returns.
    return answer as Awaited<ReturnType<Orders[Kind]>>
  }

  /** Ends it as it stands, and waits until it is gone. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const exited = once(this.#child, "exit")
    this.#child.kill("SIGKILL")
    await exited
  }
}
