/**
 * A program on a simulated process: the public API over a real client, and tasks that use it at random. What the tasks
 * see goes into histories, which are checked when all is over; what a dead process would have seen is seen by nobody.
 */
import { HoldfastError, isHoldfastError } from "../../src/kernel/index.ts"
import { createPrng, type Prng } from "../../src/env/prng.ts"
import { Holdfast } from "../../src/runtime/index.ts"
import { EmbeddedClient } from "../../src/stores/embedded/client/client.ts"
import type { Machine, SimulatedProcess } from "./machine.ts"
import { SimulatedDialer, type SimulatedFolder } from "./simulated-folder.ts"

export class Program {
  readonly machine: Machine
  readonly process: SimulatedProcess
  readonly name: string
  readonly hf: Holdfast
  readonly dialer: SimulatedDialer
  /** What each of its tasks is doing, for who waits in vain. */
  readonly doing = new Map<string, string>()
  /** True once it closes, or was told that its session is over. */
  isOver = false
  isClosing = false
  diedAt: number | null = null
  #tasks = 0

  private constructor(process: SimulatedProcess, hf: Holdfast, dialer: SimulatedDialer) {
    this.machine = process.machine
    this.process = process
    this.name = process.name
    this.hf = hf
    this.dialer = dialer
    process.onDeath(() => {
      this.diedAt = this.machine.tick()
    })
  }

  /** Opens the store as `open` would. @throws HoldfastError STORE_UNAVAILABLE */
  static async open(process: SimulatedProcess, folder: SimulatedFolder): Promise<Program> {
    const { env } = process.main
    const dialer = new SimulatedDialer(folder, process.main, process.name)
    try {
      const store = await EmbeddedClient.connect({
        env,
        dial: dialer.dial,
        onClosed: async () => {
          await dialer.close()
        },
      })
      return new Program(process, await Holdfast.connect({ store, env, label: process.name }), dialer)
    } catch (error) {
      await dialer.close()
      throw error
    }
  }

  get isAlive(): boolean {
    return this.process.isAlive
  }

  /** True once its session may have ended without its being told yet. */
  get isAtRisk(): boolean {
    return this.process.isAtRisk
  }

  /** Nothing is taken from who lives, is connected, and does not leave (L6, O5). */
  lost(what: string): void {
    if (!this.isAtRisk && !this.isClosing && this.isAlive)
      this.machine.fault(`L6: ${this.name} lost ${what} without a reason`)
  }

  /** Tasks that are not done. */
  get busy(): number {
    return this.isAlive ? this.doing.size : 0
  }

  /** Runs a task of its own. What it throws, save that the store is gone, is a fault. */
  task(kind: string, work: (task: Task) => Promise<void>): void {
    this.#tasks += 1
    const name = `${this.name}.${kind}${String(this.#tasks)}`
    const task = new Task(this, name, createPrng(this.machine.random.nextUint32()))
    this.doing.set(name, "begins")
    void this.#run(task, work)
  }

  async #run(task: Task, work: (task: Task) => Promise<void>): Promise<void> {
    try {
      await work(task)
    } catch (error) {
      if (!isHoldfastError(error)) this.machine.fault(`${task.name}: ${describeError(error)}`)
      else if (error.code === "SESSION_LOST" || error.code === "CLOSED") this.isOver = true
      else this.machine.fault(`${task.name}: unexpected ${describeError(error)}`)
    }
    this.doing.delete(task.name)
  }

  async close(): Promise<void> {
    this.isOver = true
    this.isClosing = true
    this.doing.set("close", "closes")
    try {
      await this.hf.close({ graceMs: 100 })
      this.machine.note(() => `${this.name} has closed`)
    } catch (error) {
      if (!isHoldfastError(error) || (error.code !== "STORE_UNAVAILABLE" && error.code !== "STORE_FULL")) {
        this.machine.fault(`${this.name} cannot close: ${describeError(error)}`)
      }
    }
    this.doing.delete("close")
  }
}

/** One line of work in a program. */
export class Task {
  readonly program: Program
  readonly name: string
  readonly random: Prng

  constructor(program: Program, name: string, random: Prng) {
    this.program = program
    this.name = name
    this.random = random
  }

  get hf(): Holdfast {
    return this.program.hf
  }

  chance(one: number): boolean {
    return this.random.nextBelow(one) === 0
  }

  /** One of these. */
  pick<T>(choices: readonly T[]): T {
    const choice = choices[this.random.nextBelow(choices.length)]
    if (choice === undefined) throw new Error("expected something to pick from, found nothing")
    return choice
  }

  /** Lets some time pass, below the bound. */
  async pause(boundMs: number): Promise<void> {
    const delayMs = boundMs * this.random.nextUnit() * this.random.nextUnit()
    await new Promise<void>((resolve) => {
      this.program.process.main.env.timers.after(delayMs, resolve)
    })
  }

  /** A signal that is aborted below the bound, with a reason that {@link isPatienceOver} knows. */
  patience(boundMs: number): AbortSignal {
    const controller = new AbortController()
    this.program.process.main.after(boundMs * this.random.nextUnit(), () => {
      controller.abort(OUT_OF_PATIENCE)
    })
    return controller.signal
  }

  /**
   * Does something that may be refused. What it comes to is told unless its process is dead by then; `unknown` says that
   * it may have taken effect or not.
   */
  async attempt<T>(what: string, work: () => Promise<T>, told: (result: Attempted<T>) => void): Promise<Attempted<T>> {
    const { program, name } = this
    const { machine } = program
    const isListed = program.doing.has(name)
    if (isListed) program.doing.set(name, what)
    machine.note(() => `${name} ${what}`)
    let result: Attempted<T>
    try {
      result = { kind: "done", value: await work() }
    } catch (error) {
      result = attemptedOf(error)
    }
    if (program.isAlive) {
      machine.note(() => `${name} ${what}: ${describeAttempted(result)}`)
      told(result)
    }
    if (isListed) program.doing.set(name, "thinks")
    if (result.kind !== "done" && result.code === "SESSION_LOST") {
      program.lost("its session")
      program.isOver = true
    }
    return result
  }
}

export type Attempted<T> =
  | { readonly kind: "done"; readonly value: T }
  /** It took no effect. */
  | { readonly kind: "refused"; readonly code: string; readonly error: unknown }
  /** Nobody knows. */
  | { readonly kind: "unknown"; readonly code: string; readonly error: unknown }

const OUT_OF_PATIENCE = "out of patience"

function attemptedOf(error: unknown): Attempted<never> {
  if (error === OUT_OF_PATIENCE) return { kind: "refused", code: OUT_OF_PATIENCE, error }
  if (!(error instanceof HoldfastError)) throw error
  const { code } = error
  return { kind: code === "OUTCOME_UNKNOWN" || code === "CLOSED" ? "unknown" : "refused", code, error }
}

function describeAttempted(result: Attempted<unknown>): string {
  return result.kind === "done" ? JSON.stringify(result.value ?? "done") : `${result.kind} ${result.code}`
}

export function describeError(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
