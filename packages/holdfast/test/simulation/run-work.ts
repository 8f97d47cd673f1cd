/**
 * Operations used at random, and what must hold of what was seen of them. Every execution of a body makes a result of its
 * own, so that two results of one run would show.
 */
import type { Cell, Holdfast, Operation, RunContext, RunHandle } from "../../src/runtime/index.ts"
import { isHoldfastError, type RunId } from "../../src/kernel/index.ts"
import type { Machine } from "./machine.ts"
import type { Program, Task } from "./program.ts"

/** What a body returns. */
interface Result {
  /** Null where it was stored from outside. */
  readonly run: string | null
  readonly nonce: number
}

/** One time a body was entered, as the world outside sees it. */
interface Execution {
  readonly run: string
  readonly effects: "pure" | "idempotent" | "once"
  readonly token: number
  readonly at: number
}

/** A run somebody knows of, by name. */
interface Known {
  readonly handle: RunHandle<Result>
  readonly argument: number
  readonly operation: "compute" | "bill" | "charge"
  /** True where its row must still be there: nothing was forgotten or stored over it. */
  readonly isStarted: boolean
}

interface Operations {
  readonly compute: Operation<[x: number], Result>
  readonly bill: Operation<[x: number], Result>
  readonly charge: Operation<[x: number], Result>
}

export class RunWork {
  readonly #machine: Machine
  readonly #executions: Execution[] = []
  /** What each run was seen to have come to: the one result there is of it. */
  readonly #results = new Map<string, number>()
  readonly #canceled = new Set<string>()
  /** Runs somebody asked to cancel, whatever came of it. */
  readonly #given = new Set<string>()
  /** How often somebody decided that a run is to be tried again. */
  readonly #decisions = new Map<string, number>()
  readonly #known: Known[] = []
  readonly #programs = new WeakMap<Program, Operations>()
  readonly #outbox = new Map<number, "done" | "refused" | "unknown">()
  #nonce = 0

  constructor(machine: Machine) {
    this.#machine = machine
  }

  /** Makes the program able to execute. */
  define(program: Program): Operations {
    const known = this.#programs.get(program)
    if (known !== undefined) return known
    const { hf } = program
    const operations = {
      compute: hf.operation("compute", {
        version: 1,
        effects: "pure",
        retry: { maxAttempts: 3, initialMs: 5 },
        run: async (ctx, x: number): Promise<Result> => {
          this.#enter(program, ctx, "pure")
          await pauseIn(program, 10)
          if (x === 2 && ctx.attempt === 1) throw plainError("not at first")
          return this.#resultOf(ctx)
        },
      }),
      bill: hf.operation("bill", {
        version: 1,
        effects: "idempotent",
        retry: { maxAttempts: 4, initialMs: 5 },
        run: async (ctx, x: number): Promise<Result> => {
          this.#enter(program, ctx, "idempotent")
          await pauseIn(program, 10)
          const step = await this.#keepClaim(program, ctx, async () => await this.#step(hf, ctx))
          await ctx.checkpoint()
          await pauseIn(program, 10)
          if (x === 0) await ctx.progress(step)
          return await ctx.complete(async (tx) => {
            await tx.update(tallyOf(hf, "bills"), (runs) => [...runs, ctx.run])
            return this.#resultOf(ctx)
          })
        },
      }),
      charge: hf.operation("charge", {
        version: 1,
        effects: "once",
        run: async (ctx, _x: number): Promise<Result> => {
          this.#enter(program, ctx, "once")
          await pauseIn(program, 15)
          return this.#resultOf(ctx)
        },
      }),
    }
    this.#programs.set(program, operations)
    return operations
  }

  async #step(hf: Holdfast, ctx: RunContext): Promise<number> {
    return await ctx.transact("step", async (tx) => {
      await tx.update(tallyOf(hf, "steps"), (runs) => [...runs, ctx.run])
      this.#nonce += 1
      return this.#nonce
    })
  }

  /** Commits of an attempt that nobody ended are not refused as those of one that is over (O5). */
  async #keepClaim<T>(program: Program, ctx: RunContext, work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      const isOver = isHoldfastError(error) && (error.code === "FENCED" || error.code === "STALE_ATTEMPT")
      if (isOver && !this.#given.has(ctx.run)) program.lost(`its claim of ${short(ctx.run)}`)
      throw error
    }
  }

  async work(task: Task): Promise<void> {
    const { compute, bill, charge } = this.define(task.program)
    await task.attempt(
      "works",
      async () => {
        await task.hf.work([compute, bill, charge], { concurrency: 2 })
      },
      () => undefined,
    )
  }

  async act(task: Task): Promise<void> {
    switch (
      task.pick(["call", "call", "call", "start", "start", "await", "control", "forget", "put", "outbox", "watch"])
    ) {
      case "call":
        return await this.#call(task)
      case "start":
        return await this.#start(task)
      case "await":
        return await this.#await(task)
      case "control":
        return await this.#control(task)
      case "outbox":
        return await this.#fill(task)
      case "watch":
        return await this.#watch(task)
      default:
        return await this.#replace(task)
    }
  }

  async #call(task: Task): Promise<void> {
    const operations = this.define(task.program)
    const name = task.pick(NAMES)
    const x = task.random.nextBelow(3)
    const options = {
      ...(task.chance(3) ? { waitMs: 1 + task.random.nextBelow(60) } : {}),
      ...(task.chance(6) ? { signal: task.patience(30) } : {}),
    }
    await task.attempt(
      `calls ${name}(${String(x)})`,
      async () => await operations[name].invoke([x], options),
      (result) => {
        if (result.kind === "done") this.#saw(task, result.value)
      },
    )
  }

  async #start(task: Task): Promise<void> {
    const operations = this.define(task.program)
    const operation = task.pick(NAMES)
    const x = task.random.nextBelow(3)
    const how = {
      ...(task.chance(2) ? { key: `key ${String(task.random.nextBelow(4))}` } : {}),
      ...(task.chance(4) ? { delayMs: task.random.nextBelow(40) } : {}),
      priority: task.random.nextBelow(3),
    }
    const start = async (): Promise<RunHandle<Result>> =>
      await operations[operation].start([how.key === undefined ? x : 0], how)
    const started = await task.attempt(
      `starts ${operation}(${String(x)})`,
      async () => {
        const handle = await start()
        return { id: handle.id, toJSON: () => handle.id, handle }
      },
      (result) => {
        if (result.kind !== "done") return
        const isStarted = how.key !== undefined
        this.#known.push({ handle: result.value.handle, argument: x, operation, isStarted })
      },
    )
    if (started.kind === "done" && task.chance(2)) await this.#awaitRun(task, started.value.handle)
  }

  async #await(task: Task): Promise<void> {
    const known = this.#knownOf(task)
    if (known !== undefined) await this.#awaitRun(task, known)
  }

  async #awaitRun(task: Task, handle: RunHandle<Result>): Promise<void> {
    const options = task.chance(2) ? { waitMs: 5 + task.random.nextBelow(100) } : {}
    await task.attempt(
      `awaits ${short(handle.id)}`,
      async () => await handle.result(options),
      (result) => {
        if (result.kind !== "done") return
        this.#saw(task, result.value)
        const { run } = result.value
        if (run !== null && run !== handle.id)
          this.#machine.fault(`O3: ${task.name} awaited ${short(handle.id)} and was given the result of ${short(run)}`)
      },
    )
  }

  async #control(task: Task): Promise<void> {
    const handle = this.#knownOf(task)
    if (handle === undefined) return
    const { id } = handle
    const action = task.pick(["cancel", "pause", "resume", "retry"] as const)
    if (action === "retry") this.#decide(id)
    if (action === "cancel") this.#given.add(id)
    await task.attempt(
      `${action} of ${short(id)}`,
      async () => await handle[action](),
      (result) => {
        if (result.kind !== "done") return
        if (result.value === "canceled") this.#cancel(id)
        if (result.value === "completed" && this.#canceled.has(id))
          this.#machine.fault(`O3: ${short(id)} was canceled and is completed`)
      },
    )
  }

  async #replace(task: Task): Promise<void> {
    const { compute } = this.define(task.program)
    const x = task.random.nextBelow(3)
    if (task.chance(2)) {
      await task.attempt(
        `forgets compute(${String(x)})`,
        async () => {
          await compute.forget(x)
        },
        () => undefined,
      )
    } else {
      this.#nonce += 1
      const nonce = this.#nonce
      await task.attempt(
        `puts compute(${String(x)})`,
        async () => {
          await compute.put([x], { run: null, nonce })
        },
        () => undefined,
      )
    }
  }

  /** A commit that starts a run: both or neither. */
  async #fill(task: Task): Promise<void> {
    const { bill } = this.define(task.program)
    this.#nonce += 1
    const id = this.#nonce
    this.#outbox.set(id, "unknown")
    const fill = async (): Promise<void> => {
      await task.hf.transact(async (tx) => {
        await tx.update(outboxOf(task.hf), (ids) => [...ids, id])
        tx.start(bill, [id], { key: keyOf(id) })
      })
    }
    await task.attempt(`puts ${String(id)} into the outbox`, fill, ({ kind }) => {
      this.#outbox.set(id, kind)
    })
  }

  async #watch(task: Task): Promise<void> {
    const handle = this.#knownOf(task)
    if (handle === undefined) return
    await task.attempt(
      `looks at ${short(handle.id)}`,
      async () => (await handle.status()).status,
      (result) => {
        if (result.kind === "done" && result.value === "completed" && this.#canceled.has(handle.id)) {
          this.#machine.fault(`O3: ${short(handle.id)} was canceled and is completed`)
        }
      },
    )
  }

  // What is seen

  #enter(program: Program, ctx: RunContext, effects: Execution["effects"]): void {
    if (!program.isAlive) return
    const { run, token } = ctx
    this.#machine.note(
      () => `${program.name} executes ${short(run)}, attempt ${String(ctx.attempt)}, with ${String(token)}`,
    )
    this.#executions.push({ run, effects, token, at: this.#machine.tick() })
    if (effects !== "once") return
    const entered = this.#executions.filter((each) => each.run === run).length
    const allowed = 1 + (this.#decisions.get(run) ?? 0)
    if (entered > allowed)
      this.#machine.fault(
        `O10: the body of ${short(run)} was entered ${String(entered)} times, decided were ${String(allowed)}`,
      )
  }

  #resultOf(ctx: RunContext): Result {
    this.#nonce += 1
    return { run: ctx.run, nonce: this.#nonce }
  }

  /** A result that was seen is the result of its run for ever (O2, O3). */
  #saw(task: Task, { run, nonce }: Result): void {
    if (run === null) return
    const before = this.#results.get(run)
    if (before !== undefined && before !== nonce) {
      this.#machine.fault(
        `O3: ${task.name} was given ${String(nonce)} of ${short(run)}, which others had seen as ${String(before)}`,
      )
    }
    this.#results.set(run, nonce)
    if (this.#canceled.has(run)) this.#machine.fault(`O3: ${short(run)} was canceled and is completed`)
  }

  #cancel(run: string): void {
    this.#canceled.add(run)
    if (this.#results.has(run)) this.#machine.fault(`O3: ${short(run)} was completed and is canceled`)
  }

  #decide(run: string): void {
    this.#decisions.set(run, (this.#decisions.get(run) ?? 0) + 1)
  }

  /** Some run, as this program would ask for it. */
  #knownOf(task: Task): RunHandle<Result> | undefined {
    if (this.#known.length === 0) return undefined
    const { handle } = task.pick(this.#known)
    // Its result has the type its operation gave it, wherever it is asked for.
    return task.hf.run(handle.id) as RunHandle<Result>
  }

  // The end

  /** Decides whatever waits for a decision, so that every wait can end. */
  async decideAll(task: Task): Promise<void> {
    for (const info of await task.hf.runs({ status: ["pending", "running", "interrupted"], limit: 1_000 })) {
      const handle = task.hf.run(info.run)
      if (info.isPaused)
        await task.attempt(
          `resumes ${short(info.run)}`,
          async () => await handle.resume(),
          () => undefined,
        )
      if (info.status !== "interrupted") continue
      this.#decide(info.run)
      await task.attempt(
        `retries ${short(info.run)}`,
        async () => await handle.retry(),
        () => undefined,
      )
    }
  }

  /** Whether nothing is left to be executed. */
  async isQuiet(hf: Holdfast): Promise<boolean> {
    return (await hf.runs({ status: ["pending", "running", "interrupted"], limit: 1 })).length === 0
  }

  /** What must hold of all that is stored now. */
  async check(task: Task): Promise<void> {
    const { hf } = task
    await this.#checkTally(hf)
    await this.#checkKnown(task)
    await this.#checkOutbox(hf)
  }

  /** What a body commits takes effect once (O10). */
  async #checkTally(hf: Holdfast): Promise<void> {
    for (const name of ["steps", "bills"]) {
      const runs = await tallyOf(hf, name).get()
      const twice = runs.find((run, index) => runs.indexOf(run) !== index)
      if (twice !== undefined) this.#machine.fault(`O10: the ${name} of ${short(twice)} took effect twice`)
      for (const run of this.#results.keys()) {
        const isBill = this.#executions.some((each) => each.run === run && each.effects === "idempotent")
        if (isBill && !runs.includes(run)) this.#machine.fault(`O2: ${short(run)} is completed without its ${name}`)
      }
    }
  }

  /** What was started is there, and what was seen of it is still true (O2, O3, S3). */
  async #checkKnown(task: Task): Promise<void> {
    const seen = new Set<string>()
    for (const { handle, isStarted } of this.#known) {
      const { id } = handle
      if (seen.has(id)) continue
      seen.add(id)
      await task.attempt(
        `looks for ${short(id)}`,
        async () => (await task.hf.run(id).status()).status,
        (result) => {
          if (result.kind !== "done") {
            if (
              isStarted &&
              (result.code === "RUN_UNKNOWN" || result.code === "RUN_SUPERSEDED") &&
              !this.#given.has(id)
            ) {
              this.#machine.fault(`S3: ${short(id)} was started and is not known: ${result.code}`)
            }
            return
          }
          if (this.#results.has(id) && result.value !== "completed")
            this.#machine.fault(`O3: ${short(id)} was completed and is ${result.value}`)
          if (this.#canceled.has(id) && result.value !== "canceled")
            this.#machine.fault(`O3: ${short(id)} was canceled and is ${result.value}`)
        },
      )
      if (this.#results.has(id)) await this.#awaitRun(task, task.hf.run(id) as RunHandle<Result>)
    }
  }

  async #checkOutbox(hf: Holdfast): Promise<void> {
    const ids = await outboxOf(hf).get()
    const keys = new Set((await hf.runs({ operation: "bill", limit: 10_000 })).map(({ key }) => key))
    for (const [id, state] of this.#outbox) {
      const isIn = ids.includes(id)
      if (isIn !== keys.has(keyOf(id)))
        this.#machine.fault(`C3: ${String(id)} is in the outbox or started, and not both`)
      if (state === "done" && !isIn) this.#machine.fault(`C5: ${String(id)} was put into the outbox and is lost`)
      if (state === "refused" && isIn) this.#machine.fault(`S4: ${String(id)} was refused and is in the outbox`)
    }
  }

  /** Results of pure runs are told before they are durable, and may be computed again after this (O3). */
  losePower(): void {
    for (const { run, effects } of this.#executions) if (effects === "pure") this.#results.delete(run)
  }

  /** Tokens of claims, as those of grants. */
  get tokens(): readonly { readonly seenAt: number; readonly token: number }[] {
    return this.#executions.map(({ at, token }) => ({ seenAt: at, token }))
  }
}

const NAMES = ["compute", "bill", "charge"] as const

function tallyOf(hf: Holdfast, name: string): Cell<readonly string[]> {
  return hf.cell<readonly string[]>(`tally/${name}`, { initial: [] })
}

function outboxOf(hf: Holdfast): Cell<readonly number[]> {
  return hf.cell<readonly number[]>("outbox", { initial: [] })
}

function keyOf(id: number): string {
  return `outbox ${String(id)}`
}

async function pauseIn(program: Program, boundMs: number): Promise<void> {
  const { machine, process } = program
  const delayMs = machine.delayMs(boundMs)
  await new Promise<void>((resolve) => {
    process.main.env.timers.after(delayMs, resolve)
  })
}

/** An error that says the same wherever the program runs. */
function plainError(message: string): Error {
  const error = new Error(message)
  delete error.stack
  return error
}

/** A run's name is a digest; a few letters of it tell it apart. */
function short(run: RunId | string): string {
  return `${run.slice(4, 10)}${run.slice(run.lastIndexOf("@"))}`
}
