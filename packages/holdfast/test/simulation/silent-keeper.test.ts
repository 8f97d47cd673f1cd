/** A keeper that is stopped while programs write: each of them waits its bound once, whatever was to follow. */
import { describe, expect, it } from "vitest"
import { createPrng } from "../../src/env/prng.ts"
import { createSimulatedEnv, type SimulatedEnv } from "../../src/env/simulated-env.ts"
import { Holdfast } from "../../src/runtime/index.ts"
import { postponeByTime } from "../conformance/deferred-store.ts"
import { drive, Gate } from "../runtime-world.ts"
import { SimulatedStore } from "./simulated-store.ts"

const BOUND_MS = 10_000
/** What is asked a few deliveries after the keeper was stopped has its bound from then on. */
const SLACK_MS = 10

/** A store whose keeper, and all that is on its way, can be stopped and let go on. */
class StoppableWorld {
  readonly env: SimulatedEnv = createSimulatedEnv({ seed: 1 })
  readonly #store: SimulatedStore
  readonly #held: (() => void)[] = []
  #stoppedAt: number | null = null

  constructor() {
    const postpone = postponeByTime(this.env)
    this.#store = new SimulatedStore({
      env: this.env,
      random: createPrng(1),
      postpone: (delay, task) => {
        postpone(delay, () => {
          if (this.#stoppedAt === null) task()
          else this.#held.push(task)
        })
      },
      // All take the same time: who asks together is answered together.
      delayBound: 1,
      flushBound: 1,
    })
  }

  async open(label: string): Promise<Holdfast> {
    const connecting = (async () =>
      await Holdfast.connect({ store: await this.#store.connect(), env: this.env, label }))()
    return await drive(this.env, connecting)
  }

  stop(): void {
    this.#stoppedAt ??= this.env.clock.monotonic()
  }

  goOn(): void {
    this.#stoppedAt = null
    for (const task of this.#held.splice(0)) task()
  }

  /** What each of these ended with, and how long after the keeper was stopped. */
  async ended(works: readonly Promise<unknown>[]): Promise<readonly unknown[]> {
    const told = works.map(async (work) => {
      try {
        return { value: await work }
      } catch (error) {
        const afterMs = this.env.clock.monotonic() - (this.#stoppedAt ?? Number.NaN)
        return { error, isInTime: afterMs <= BOUND_MS + SLACK_MS }
      }
    })
    return await drive(this.env, Promise.all(told))
  }
}

const unavailable = {
  error: {
    code: "STORE_UNAVAILABLE",
    message: expect.stringContaining("has not answered for 10 s") as string,
    details: { unansweredMs: BOUND_MS },
  },
  isInTime: true,
}
const unknown = {
  error: expect.objectContaining({ code: "OUTCOME_UNKNOWN", details: { unansweredMs: BOUND_MS } }) as unknown,
  isInTime: true,
}

describe("a keeper that is stopped", () => {
  it("keeps an update that has its turn waiting once, and not for giving its turn back too (C2, S4)", async () => {
    const world = new StoppableWorld()
    const [a, b] = [await world.open("a"), await world.open("b")]
    const update = async (hf: Holdfast): Promise<void> => {
      let calls = 0
      await hf.cell("x", { initial: 0 }).update((value) => {
        calls += 1
        // It has lost its first race, and has its turn.
        if (calls === 2) world.stop()
        return value + 1
      })
    }
    const ended = await world.ended([update(a), update(b)])
    expect(ended).toContainEqual({ value: undefined })
    expect(ended).toContainEqual(expect.objectContaining(unknown))
    world.goOn()
    await drive(world.env, update(a))
    // It took effect after all, and its turn was given back.
    expect(await drive(world.env, b.cell<number>("x").get())).toBe(3)
  })

  it("keeps what waits behind an update or a merge waiting once: it is not sent, and not waited for again (C2)", async () => {
    const world = new StoppableWorld()
    const hf = await world.open("a")
    const [cell, best] = [hf.cell("x", { initial: 0 }), hf.cell("best", { initial: 0, relaxed: "max" })]
    const started = new Gate()
    const first = cell.update((value) => {
      world.stop()
      started.open()
      return value + 1
    })
    await drive(world.env, started.opened)
    const merged = best.merge(1)
    // It is on its way.
    await world.env.advanceBy(1)
    const behind = [cell.update((value) => value + 10), best.merge(2)]
    expect(await world.ended([first, merged, ...behind])).toMatchObject([unknown, unknown, unavailable, unavailable])
    world.goOn()
    await drive(
      world.env,
      cell.update((value) => value + 100),
    )
    expect(await drive(world.env, Promise.all([cell.get(), best.get()]))).toEqual([101, 1])
  })

  it("keeps a transaction waiting once, and not for what it had read before (C3)", async () => {
    const world = new StoppableWorld()
    const hf = await world.open("a")
    const work = hf.transact(async (tx) => {
      await tx.get(hf.cell("x"))
      world.stop()
      await tx.get(hf.cell("y"))
    })
    expect(await world.ended([work])).toMatchObject([unavailable])
  })

  it("keeps what writes under a lock waiting once, and takes the lock back when it goes on (L4)", async () => {
    const world = new StoppableWorld()
    const hf = await world.open("a")
    const work = hf.lock("l").run(async () => {
      world.stop()
      await hf.cell("x").set(1)
    })
    expect(await world.ended([work])).toMatchObject([unknown])
    world.goOn()
    await drive(
      world.env,
      hf.lock("l").run(() => undefined),
    )
    expect(await drive(world.env, hf.cell("x").get())).toBe(1)
  })
})
