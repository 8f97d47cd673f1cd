/** Locks that a late or foreign release frees for somebody else. */
import { setTimeout as sleep } from "node:timers/promises"
import { LockFactory } from "@verrou/core"
import { memoryStore } from "@verrou/core/drivers/memory"
import { Mutex, withTimeout } from "async-mutex"
import type { Scenario, ScenarioContext, Variable } from "holdfast/race"
import { expectEqual } from "../race.ts"
import type { PackageRace } from "./package-race.ts"

/** Who is inside at the same time. */
class Section {
  readonly #inside: Variable<number>
  mostAtOnce = 0

  constructor({ variable }: ScenarioContext) {
    this.#inside = variable("workers inside", 0)
  }

  enter(): void {
    this.#inside.set(this.#inside.get() + 1)
    this.mostAtOnce = Math.max(this.mostAtOnce, this.#inside.get())
  }

  leave(): void {
    this.#inside.set(this.#inside.get() - 1)
  }
}

const WAIT_MS = 5_000

/** Three workers take turns; each releases in `finally`, as examples of other languages do, also when its wait timed out. */
const releaseInFinally: Scenario = async (context) => {
  const { actor, step } = context
  const mutex = withTimeout(new Mutex(), WAIT_MS)
  const section = new Section(context)
  async function work(): Promise<void> {
    try {
      await mutex.acquire()
      section.enter()
      await step("works")
      section.leave()
    } catch {
      await step("gives up")
    } finally {
      mutex.release()
    }
  }
  await Promise.all(["a", "b", "c"].map(async (name) => await actor(name, work)))
  expectEqual("workers at once", section.mostAtOnce, 1)
}

/** The same on a lock that only its holder can give back. */
const releaseByRun: Scenario = async (context) => {
  const { actor, open, step } = context
  const section = new Section(context)
  await Promise.all(
    ["a", "b", "c"].map(
      async (name) =>
        await actor(name, async () => {
          const hf = await open(name)
          try {
            await hf.lock("work").run(
              async () => {
                section.enter()
                await step("works")
                section.leave()
              },
              // One who may give up is enough, and time passes at fewer moments.
              name === "b" ? { waitMs: WAIT_MS } : {},
            )
          } catch {
            await step("gives up")
          }
        }),
    ),
  )
  expectEqual("workers at once", section.mostAtOnce, 1)
}

const LEASE_MS = 10_000

/** A lease that is held, and whether it still is when somebody else gets one. */
interface Lease {
  isHeld: boolean
  readonly endsAtMs: number
}

/** Leases as they are got, and how many were held at once. */
class Leases {
  readonly #env: ScenarioContext["env"]
  readonly #leases: Lease[] = []
  mostAtOnce = 0

  constructor(env: ScenarioContext["env"]) {
    this.#env = env
  }

  begin(): Lease {
    const now = this.#env.clock.monotonic()
    const lease: Lease = { isHeld: true, endsAtMs: now + LEASE_MS }
    this.#leases.push(lease)
    const held = this.#leases.filter(({ isHeld, endsAtMs }) => isHeld && endsAtMs > now)
    this.mostAtOnce = Math.max(this.mostAtOnce, held.length)
    return lease
  }
}

/** Three workers with a lease each, of which any may take longer than its lease. */
const releaseAfterLease: Scenario = async ({ actor, env, pick, step }) => {
  const factory = new LockFactory(memoryStore().factory(), { retry: { delay: LEASE_MS / 2 } })
  const leases = new Leases(env)
  async function work(name: string): Promise<void> {
    const lock = factory.createLock("work", LEASE_MS)
    await step("asks for the lock")
    if (!(await lock.acquire())) return
    const lease = leases.begin()
    await sleep(pick(`${name} works for`, [1_000, LEASE_MS + 1_000]))
    lease.isHeld = false
    await step("releases")
    // The lease may be over: then there is nothing to give back.
    await lock.release().catch(() => undefined)
  }
  await Promise.all(["a", "b", "c"].map(async (name) => await actor(name, async () => await work(name))))
  expectEqual("leases at once", leases.mostAtOnce, 1)
}

/** The same on Holdfast. */
const releaseAfterLeaseOnHoldfast: Scenario = async ({ actor, env, pick, open }) => {
  const leases = new Leases(env)
  await Promise.all(
    ["a", "b", "c"].map(
      async (name) =>
        await actor(name, async () => {
          const hf = await open(name)
          const grant = await hf.lock("work").acquire({ leaseMs: LEASE_MS })
          const lease = leases.begin()
          await sleep(pick(`${name} works for`, [1_000, LEASE_MS + 1_000]))
          lease.isHeld = false
          await grant.release()
        }),
    ),
  )
  expectEqual("leases at once", leases.mostAtOnce, 1)
}

export const lockRaces: readonly PackageRace[] = [
  {
    name: "async-mutex",
    title: "a release by whoever timed out frees the lock of its holder",
    scenario: releaseInFinally,
    options: { maxSchedules: 1_000, timersAreSteps: true },
    control: {
      scenario: releaseByRun,
      options: { shares: "declared", timersAreSteps: true, maxSchedules: 20_000 },
    },
  },
  {
    name: "@verrou/core",
    title: "a release after the lease frees the lock of the next holder",
    scenario: releaseAfterLease,
    options: { maxSchedules: 1_000 },
    control: {
      scenario: releaseAfterLeaseOnHoldfast,
      options: { shares: "declared", maxSchedules: 20_000 },
    },
  },
]
