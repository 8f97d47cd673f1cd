/** Locks with a lease: verrou's memory store. */
import { setTimeout as sleep } from "node:timers/promises"
import { LockFactory } from "@verrou/core"
import { memoryStore } from "@verrou/core/drivers/memory"
import type { Holdfast } from "holdfast"
import { answerOf, REFUSED } from "./answer.ts"
import { CriticalSection } from "./critical-section.ts"
import { defineKnownBug, type KnownBug } from "./known-bug.ts"

/** How long verrou's leases last here; every stay inside is several times longer. */
const LEASE_MS = 20

/** One caller of a lock that all callers of a subject share. */
interface Caller {
  tryTake(leaseMs: number): Promise<boolean>
  release(): Promise<void>
  run<T>(work: () => Promise<T>): Promise<T>
}

interface Callers {
  readonly newCaller: () => Caller
}

export const leaseBugs: readonly KnownBug[] = [
  defineKnownBug({
    id: "expired-release-frees-another",
    peer: "@verrou/core",
    defect: "a's lease expires, b takes the lock, a's release succeeds and frees it: c gets in beside b",
    peerSubject: verrou,
    holdfastSubject: (hf) => holdfastCallers(hf, "expired-release"),
    observe: observeReleaseAfterExpiry,
    broken: (seen) => seen.bAndCHold,
  }),
  defineKnownBug({
    id: "run-does-not-renew",
    peer: "@verrou/core",
    defect: "`lock.run` does not renew its lease: a longer callback is joined by another, and both report success",
    peerSubject: verrou,
    holdfastSubject: (hf) => holdfastCallers(hf, "run-renews"),
    observe: observeRunBeyondLease,
    broken: (seen) => seen.maxInside > 1,
  }),
  defineKnownBug({
    id: "release-error-hides-the-result",
    peer: "@verrou/core",
    defect: "a callback that finished its work is reported as failed, because `run` rejects with its release's error",
    peerSubject: verrou,
    holdfastSubject: (hf) => holdfastCallers(hf, "hidden-result"),
    observe: observeResultBesideExpiredHolder,
    broken: (seen) => seen.workDone && seen.caller.startsWith(REFUSED),
  }),
]

function verrou(): Callers {
  const factory = new LockFactory(memoryStore().factory(), { retry: { delay: 5, timeout: 1_000 } })
  return {
    newCaller() {
      let taken = factory.createLock("k", LEASE_MS)
      return {
        async tryTake(leaseMs) {
          taken = factory.createLock("k", leaseMs)
          return await taken.acquireImmediately()
        },
        async release() {
          await taken.release()
        },
        async run<T>(work: () => Promise<T>) {
          const [granted, result] = await factory.createLock("k", LEASE_MS).run(work)
          if (!granted) {
            throw new Error("not granted")
          }
          return result
        },
      }
    },
  }
}

/** In memory no holder can die unnoticed, so nobody asks for a lease. */
function holdfastCallers(hf: Holdfast, name: string): Callers {
  return {
    newCaller() {
      let grant: Awaited<ReturnType<ReturnType<Holdfast["lock"]>["try"]>>
      return {
        async tryTake() {
          grant = await hf.lock(name).try()
          return grant !== undefined
        },
        async release() {
          await grant?.release()
        },
        async run(work) {
          return await hf.lock(name).run(work)
        },
      }
    },
  }
}

async function observeReleaseAfterExpiry({ newCaller }: Callers) {
  const [a, b, c] = [newCaller(), newCaller(), newCaller()]
  await a.tryTake(LEASE_MS)
  await sleep(2 * LEASE_MS)
  const bHolds = await b.tryTake(60_000)
  const releaseOfA = await answerOf(a.release())
  const cHolds = await c.tryTake(60_000)
  return { bAndCHold: bHolds && cHolds, releaseOfA }
}

async function observeRunBeyondLease({ newCaller }: Callers) {
  const section = new CriticalSection()
  const first = answerOf(newCaller().run(() => section.stayMs(4 * LEASE_MS)))
  await sleep(2 * LEASE_MS)
  const second = answerOf(newCaller().run(() => section.stayMs(4 * LEASE_MS)))
  const answers = { first: await first, second: await second }
  return { maxInside: section.maxInside, ...answers }
}

async function observeResultBesideExpiredHolder({ newCaller }: Callers) {
  let workDone = false
  const slow = answerOf(newCaller().run(() => sleep(4 * LEASE_MS)))
  await sleep(2 * LEASE_MS)
  const caller = await answerOf(
    newCaller().run(async () => {
      workDone = true
      return "done"
    }),
  )
  await slow
  return { workDone, caller }
}
