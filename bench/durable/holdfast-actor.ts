/** A process with a session of one `file:` store: whoever starts first keeps it. */
import { type Holdfast, open, type RunHandle } from "holdfast"
import { nowMs, repeatFor, serveOrders } from "./orders.ts"

/** One turn of a lock that goes back and forth between processes. */
export interface Turn {
  readonly askedMs: number
  readonly grantedMs: number
  readonly releasedMs: number
}

const folder = process.argv[2]
if (folder === undefined) throw new Error("expected the folder of a store as argument")

const openedMs = nowMs()
const hf: Holdfast = await open(`file:${folder}`)
const openMs = nowMs() - openedMs
/** Bodies that were entered and not told about yet, and who waits to be told. */
const entered: number[] = []
let tell: (() => void) | null = null
let serial = 0

const step = hf.operation("step", {
  version: 1,
  effects: "idempotent",
  run: (_, caller: string) => {
    entered.push(nowMs())
    tell?.()
    return caller
  },
})

/** Its first attempt never ends by itself. */
const stuck = hf.operation("stuck", {
  version: 1,
  effects: "idempotent",
  run: async (ctx, caller: string) => {
    entered.push(nowMs())
    tell?.()
    if (ctx.attempt === 1) await new Promise(() => {})
    return caller
  },
})

const manySteps = hf.operation("many-steps", {
  version: 1,
  effects: "idempotent",
  run: async (ctx, _caller: string, count: number) => {
    const start = nowMs()
    for (let i = 0; i < count; i += 1) await ctx.transact(`step ${i}`, () => i)
    return ((nowMs() - start) * 1e6) / count
  },
})

const handlers = {
  /** Nanoseconds a lock and its release take with nobody else there. */
  lockAlone: (durationMs: number) => repeatFor(durationMs, 1, () => hf.lock("alone").run(() => {})),

  /** How often this process had the lock between the two times. */
  async lockAmongOthers(fromMs: number, untilMs: number): Promise<number> {
    await at(fromMs)
    let count = 0
    while (nowMs() < untilMs) {
      await hf.lock("among-others").run(() => {})
      if (nowMs() < untilMs) count += 1
    }
    return count
  },

  /** Turns of a lock that is held a moment each time, so that the other side is waiting when it is given back. */
  async takeTurns(fromMs: number, untilMs: number, holdMs: number): Promise<Turn[]> {
    await at(fromMs)
    const turns: Turn[] = []
    while (nowMs() < untilMs) {
      const askedMs = nowMs()
      turns.push(
        await hf.lock("turns").run(async () => {
          const grantedMs = nowMs()
          await new Promise((resolve) => setTimeout(resolve, holdMs))
          return { askedMs, grantedMs, releasedMs: nowMs() }
        }),
      )
    }
    return turns
  },

  /** Nanoseconds an update takes with so many updaters, each on a cell of its own or all on one. */
  update: (durationMs: number, callers: number, isHot: boolean) =>
    repeatFor(durationMs, callers, (caller) =>
      hf.cell<number>(isHot ? "hot" : `own/${caller}`, { initial: 0 }).update((count) => count + 1),
    ),

  /** Nanoseconds a run of one step takes that is called, and so computed in the caller's process. */
  run: (durationMs: number, callers: number) => repeatFor(durationMs, callers, () => step(nextName())),

  /** Nanoseconds a step takes inside one run. */
  steps: (count: number) => manySteps(nextName(), count),

  /** Takes queued runs from here on. */
  async work(concurrency: number): Promise<void> {
    await hf.work([step, stuck], { concurrency })
  },

  /** Nanoseconds a queued run of one step takes from its start to its result. */
  queue: (durationMs: number, callers: number) =>
    repeatFor(durationMs, callers, async () => await (await hf.start(step, [nextName()])).result()),

  /** Starts one queued run and waits for its result. */
  async startOne(): Promise<{ startedMs: number; resultMs: number }> {
    const startedMs = nowMs()
    await (await hf.start(step, [nextName()])).result()
    return { startedMs, resultMs: nowMs() }
  },

  async startStuck(): Promise<void> {
    stuckRun = await hf.start(stuck, [nextName()])
  },

  async stuckEnds(): Promise<void> {
    await stuckRun?.result()
  },

  /** When the next body was entered here. */
  async nextBody(): Promise<number> {
    for (;;) {
      const time = entered.shift()
      if (time !== undefined) return time
      await new Promise<void>((resolve) => {
        tell = resolve
      })
    }
  },

  /** Updates one cell again and again until `stopUpdating`. */
  async keepUpdating(): Promise<void> {
    updates.length = 0
    isUpdating = true
    do await updateOnce()
    while (mayUpdate())
  },

  updateOnce,

  /** Ends `keepUpdating`, and tells its updates. */
  stopUpdating(): readonly Update[] {
    isUpdating = false
    return updates
  },

  /** Computes on the main thread, and lets nothing else happen on it. */
  block(durationMs: number): void {
    for (const end = nowMs() + durationMs; nowMs() < end;);
  },

  /** How long opening took, loading the code it needs included. */
  openMs: () => openMs,
  sinceOpenMs: () => nowMs() - openedMs,
  countCompleted: async () => (await hf.inspect()).runs.byStatus.completed,
}

export interface Update {
  readonly startedMs: number
  readonly endedMs: number
}

const updates: Update[] = []
let isUpdating = false
let stuckRun: RunHandle<string> | null = null

export type HoldfastOrders = typeof handlers

function mayUpdate(): boolean {
  return isUpdating
}

async function updateOnce(): Promise<void> {
  const startedMs = nowMs()
  await hf.cell<number>("kept-up", { initial: 0 }).update((count) => count + 1)
  updates.push({ startedMs, endedMs: nowMs() })
}

function nextName(): string {
  serial += 1
  return `${process.pid} ${serial}`
}

async function at(timeMs: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, timeMs - nowMs()))
}

serveOrders(handlers)
