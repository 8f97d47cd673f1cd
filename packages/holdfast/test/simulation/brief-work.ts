/**
 * Results that are kept for a moment only: whoever asks later has them computed again, nobody finds one half there (O2,
 * O9), and in the end all are forgotten.
 */
import type { RunId } from "../../src/kernel/index.ts"
import type { Operation, RunHandle } from "../../src/runtime/index.ts"
import type { Machine } from "./machine.ts"
import type { Attempted, Program, Task } from "./program.ts"

interface Result {
  readonly run: RunId
  readonly nonce: number
}

type Brief = Operation<[x: number], Result>

const RETAIN_MS = 30
/** Longer than what is kept is kept, and than the keeper waits between two looks at it. */
const FORGOTTEN_MS = 3_000

export class BriefWork {
  readonly #machine: Machine
  readonly #operations = new WeakMap<Program, Brief>()
  /** What each run was seen to have come to. */
  readonly #results = new Map<string, number>()
  #nonce = 0

  constructor(machine: Machine) {
    this.#machine = machine
  }

  async act(task: Task): Promise<void> {
    const brief = this.#define(task.program)
    const x = task.random.nextBelow(2)
    const called = await task.attempt(
      `calls brief(${String(x)})`,
      async () => await brief.invoke([x], {}),
      (result) => {
        this.#saw(result)
      },
    )
    if (called.kind === "done" && task.chance(2)) await this.#follow(task, called.value.run)
  }

  /** Executes what nobody does whose caller died. */
  async work(task: Task): Promise<void> {
    const brief = this.#define(task.program)
    await task.attempt(
      "works briefly",
      async () => {
        await task.hf.work([brief], { concurrency: 1 })
      },
      () => undefined,
    )
  }

  #define(program: Program): Brief {
    const known = this.#operations.get(program)
    if (known !== undefined) return known
    const brief = program.hf.operation("brief", {
      version: 1,
      effects: "pure",
      retainMs: RETAIN_MS,
      run: async ({ run }, _x: number): Promise<Result> => {
        await new Promise<void>((resolve) => {
          program.process.main.env.timers.after(this.#machine.delayMs(5), resolve)
        })
        this.#nonce += 1
        return { run, nonce: this.#nonce }
      },
    })
    this.#operations.set(program, brief)
    return brief
  }

  /** What is completed can be read until it is forgotten. */
  async #follow(task: Task, run: RunId): Promise<void> {
    // Its result has the type that its operation gave it.
    const handle = task.hf.run(run) as RunHandle<Result>
    await task.pause(80)
    const looked = await task.attempt(
      `looks at ${run}`,
      async () => (await handle.status()).status,
      () => undefined,
    )
    if (looked.kind !== "done" || looked.value !== "completed") return
    await task.attempt(
      `reads ${run}`,
      async () => await handle.result(),
      (result) => {
        this.#saw(result)
        if (result.kind === "refused" && result.code.startsWith("RUN_") && !FORGOTTEN.has(result.code))
          this.#machine.fault(`O2: ${task.name} read a completed run and was told ${result.code}`)
      },
    )
  }

  #saw(result: Attempted<Result>): void {
    if (result.kind !== "done") return
    const { run, nonce } = result.value
    const before = this.#results.get(run)
    if (before !== undefined && before !== nonce)
      this.#machine.fault(`O3: ${run} came to ${String(nonce)}, which others had seen as ${String(before)}`)
    this.#results.set(run, nonce)
  }

  /** Results of pure runs are told before they are durable (O3). */
  losePower(): void {
    this.#results.clear()
  }

  /** When time has passed nothing is left, and what is asked for then is computed. */
  async check(task: Task): Promise<void> {
    // After a power loss the store's time goes on from the wall's, which may have been set back.
    if (this.#machine.boot > 1) return
    await new Promise<void>((resolve) => {
      this.#machine.after(FORGOTTEN_MS, resolve)
    })
    const kept = await task.hf.runs({ operation: "brief", status: ["completed"] })
    if (kept.length > 0) this.#machine.fault(`O9: kept beyond their time are ${kept.map(({ run }) => run).join(", ")}`)
    const last = this.#nonce
    const { nonce } = await this.#define(task.program).invoke([0], {})
    if (nonce <= last) this.#machine.fault(`O9: brief(0) was forgotten and came to ${String(nonce)} of before`)
  }
}

const FORGOTTEN: ReadonlySet<string> = new Set(["RUN_UNKNOWN", "RUN_SUPERSEDED"])
