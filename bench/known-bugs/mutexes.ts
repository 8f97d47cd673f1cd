/** Locks of one event loop: async-mutex, async-lock, p-limit, Effect's semaphore and the Web Locks of Node itself. */
import { setTimeout as sleep } from "node:timers/promises"
import AsyncLock from "async-lock"
import { Mutex, withTimeout } from "async-mutex"
import { Effect, Semaphore } from "effect"
import type { Holdfast } from "holdfast"
import pLimit from "p-limit"
import { answerOf, ENDED, REFUSED, settle, STILL_WAITING } from "./answer.ts"
import { CriticalSection } from "./critical-section.ts"
import { Gate } from "../gate.ts"
import { defineKnownBug, type KnownBug } from "./known-bug.ts"

type Work<T> = () => Promise<T>
type Release = () => unknown

interface Runs {
  run<T>(work: Work<T>): Promise<T>
}

interface Holds {
  hold(): Promise<Release>
}

interface WaitsAtMost {
  /** Takes the lock and gives it back, or rejects when that would take longer. */
  runWaitingAtMost<T>(waitMs: number, work: Work<T>): Promise<T>
}

const DEAD_WAITER_COUNT = 1_000
const DEAD_WAITER_WAIT_MS = 5
/** More turns than a queue of dead waiters costs any peer; the count must end where a wake-up needs a macrotask. */
const COUNTED_TURNS_MAX = 20_000

export const mutexBugs: readonly KnownBug[] = [
  defineKnownBug({
    id: "timed-out-waiters-stay-queued",
    peer: "async-mutex",
    defect: `${DEAD_WAITER_COUNT} waiters that timed out stay in the queue: each is granted and handed back before a live one gets its turn`,
    peerSubject: () => asyncMutex(),
    holdfastSubject: (hf) => holdfastLock(hf, "timed-out-waiters"),
    observe: observeTurnsBehindDeadWaiters,
    broken: (seen) => seen.extraTurns > DEAD_WAITER_COUNT / 10,
  }),
  defineKnownBug({
    id: "is-locked-lies",
    peer: "async-mutex",
    defect: "after the last release `isLocked()` says yes while the dead waiters are handed through",
    peerSubject: () => asyncMutex(),
    holdfastSubject: (hf) => holdfastLock(hf, "is-locked"),
    observe: observeLockedAfterRelease,
    broken: (seen) => seen.saysLocked,
  }),
  defineKnownBug({
    id: "stranger-releases",
    peer: "async-mutex",
    defect: "`mutex.release()` by somebody who does not hold the lock lets a second holder in",
    peerSubject: () => asyncMutex(),
    holdfastSubject: async (hf) => {
      const lock = holdfastLock(hf, "stranger")
      const earlier = await hf.lock("stranger").acquire()
      await earlier.release()
      return { ...lock, releaseAsStranger: () => earlier.release() }
    },
    observe: observeStrangerRelease,
    broken: (seen) => seen.maxInside > 1,
  }),
  defineKnownBug({
    id: "double-release",
    peer: "async-mutex",
    defect: "a holder that releases twice (by the mutex and by its releaser) lets two waiters in",
    peerSubject: () => asyncMutex(),
    holdfastSubject: (hf) => holdfastLock(hf, "double-release"),
    observe: observeDoubleRelease,
    broken: (seen) => seen.maxInside > 1,
  }),
  defineKnownBug({
    id: "error-singletons",
    peer: "async-mutex",
    defect: "every timeout rejects with one shared error made at import: its stack never names the caller",
    peerSubject: () => asyncMutex(),
    holdfastSubject: (hf) => holdfastLock(hf, "error-singletons"),
    observe: observeTimeoutErrors,
    broken: (seen) => seen.oneErrorForAll || !seen.stackNamesCaller,
  }),
  ...nestedAcquireBugs(),
  ...oppositeOrderBugs(),
  defineKnownBug({
    id: "several-keys-deadlock",
    peer: "async-lock",
    defect: "`acquire(['a', 'b'])` against `acquire(['b', 'a'])` under contention: both wait for ever",
    peerSubject: () => {
      const lock = new AsyncLock()
      return {
        runOn: <T>(names: readonly string[], work: Work<T>) => lock.acquire(names, work),
      }
    },
    holdfastSubject: (hf) => ({
      runOn: <T>(names: readonly string[], work: Work<T>) =>
        hf.lock(names.map((name) => `several-keys/${name}`)).run(work),
    }),
    observe: observeSeveralKeys,
    broken: (seen) => seen.both === STILL_WAITING,
  }),
  defineKnownBug({
    id: "execution-time-admits-second",
    peer: "async-lock",
    defect: "`maxExecutionTime` gives the lock to the next caller while the first is still running",
    peerSubject: () => {
      const lock = new AsyncLock()
      return {
        runAtMost: <T>(boundMs: number, work: Work<T>) => lock.acquire("k", work, { maxExecutionTime: boundMs }),
      }
    },
    holdfastSubject: (hf) => ({
      runAtMost: <T>(boundMs: number, work: Work<T>) =>
        hf.lock("execution-time").run(work, { signal: AbortSignal.timeout(boundMs) }),
    }),
    observe: observeBoundedExecution,
    broken: (seen) => seen.maxInside > 1,
  }),
  defineKnownBug({
    id: "refuses-after-1000",
    peer: "async-lock",
    defect: 'by default the 1,002nd concurrent caller is refused with "Too many pending tasks"',
    peerSubject: () => asyncLock(),
    holdfastSubject: (hf) => holdfastLock(hf, "many-callers"),
    observe: observeManyCallers,
    broken: (seen) => seen.refused > 0,
  }),
  defineKnownBug({
    id: "timed-out-waiters-count-as-pending",
    peer: "async-lock",
    defect: "waiters that timed out still count: with 1,000 of them and nobody waiting a live caller is refused",
    peerSubject: () => asyncLock(),
    holdfastSubject: (hf) => holdfastLock(hf, "dead-pending"),
    observe: observeCallerBehindDeadWaiters,
    broken: (seen) => seen.liveCaller.startsWith(REFUSED),
  }),
  defineKnownBug({
    id: "timed-out-waiters-overflow-the-stack",
    peer: "async-lock",
    defect:
      "a release behind 20,000 timed-out waiters (`maxPending: Infinity`) overflows the stack; the lock is stuck for ever",
    peerSubject: () => asyncLock({ maxPending: Infinity }),
    holdfastSubject: (hf) => holdfastLock(hf, "stack-overflow"),
    observe: observeReleaseBehindDeadWaiters,
    broken: (seen) => seen.nextCaller === STILL_WAITING || seen.release !== ENDED,
  }),
  defineKnownBug({
    id: "cleared-callers-hang",
    peer: "p-limit",
    defect: "`clearQueue()` drops the waiting callers in silence: their promises never settle (its default)",
    peerSubject: () => {
      const limit = pLimit(1)
      return {
        run: <T>(work: Work<T>) => limit(work),
        withdrawWaiters: () => limit.clearQueue(),
      }
    },
    holdfastSubject: (hf) => {
      const closing = new AbortController()
      return {
        run: <T>(work: Work<T>) => hf.lock("cleared").run(work, { signal: closing.signal }),
        withdrawWaiters: () => closing.abort(),
      }
    },
    observe: observeWithdrawnWaiter,
    broken: (seen) => seen.waiter === STILL_WAITING,
  }),
  defineKnownBug({
    id: "small-requests-starve-large",
    peer: "effect",
    defect: "requests for one permit that arrive later keep passing a waiting request for two: it starves",
    peerSubject: () => {
      const semaphore = Semaphore.makeUnsafe(2)
      return {
        runWith: <T>(permits: number, work: Work<T>) =>
          Effect.runPromise(semaphore.withPermits(permits)(Effect.promise(work))),
      }
    },
    holdfastSubject: (hf) => ({
      runWith: <T>(permits: number, work: Work<T>) => hf.semaphore("starving", 2).run(work, { permits }),
    }),
    observe: observeLargeRequest,
    broken: (seen) => seen.passedByLater > 0,
  }),
  defineKnownBug({
    id: "sync-throw-keeps-the-lock",
    peer: "navigator.locks",
    version: process.version,
    notRun: webLocks() === undefined ? `Node ${process.version} has no navigator.locks (24.5 and later)` : null,
    defect: "a callback that throws synchronously leaves the lock held for ever",
    peerSubject: () => ({
      run: <T>(work: Work<T>) => requiredWebLocks().request("sync-throw", work),
    }),
    holdfastSubject: (hf) => holdfastLock(hf, "sync-throw"),
    observe: observeSyncThrow,
    broken: (seen) => seen.nextCaller === STILL_WAITING,
  }),
]

// Subjects

function asyncMutex() {
  const mutex = new Mutex()
  return {
    run: <T>(work: Work<T>) => mutex.runExclusive(work),
    runWaitingAtMost: <T>(waitMs: number, work: Work<T>) => withTimeout(mutex, waitMs).runExclusive(work),
    hold: async (): Promise<Release> => await mutex.acquire(),
    holdTwoDoors: async () => {
      const releaser = await mutex.acquire()
      return { release: () => mutex.release(), releaseAgain: releaser }
    },
    releaseAsStranger: (): unknown => mutex.release(),
    seemsLocked: async () => mutex.isLocked(),
  }
}

function asyncLock(options: AsyncLock.Options = {}) {
  const lock = new AsyncLock(options)
  return {
    run: <T>(work: Work<T>) => lock.acquire("k", work),
    runWaitingAtMost: <T>(waitMs: number, work: Work<T>) => lock.acquire("k", work, { timeout: waitMs }),
    // The callback style, because in the promise style what `release` throws is an unhandled rejection that ends Node.
    hold: (): Promise<Release> =>
      new Promise((resolve) => {
        void lock.acquire("k", (done: () => void) => resolve(done))
      }),
  }
}

function holdfastLock(hf: Holdfast, name: string) {
  const lock = hf.lock(name)
  return {
    run: <T>(work: Work<T>) => lock.run(work),
    runWaitingAtMost: <T>(waitMs: number, work: Work<T>) => lock.run(work, { waitMs }),
    hold: async (): Promise<Release> => {
      const grant = await lock.acquire()
      return () => grant.release()
    },
    holdTwoDoors: async () => {
      const grant = await lock.acquire()
      return { release: () => grant.release(), releaseAgain: () => grant.release() }
    },
    seemsLocked: async () => {
      const grant = await lock.try()
      await grant?.release()
      return grant === undefined
    },
  }
}

/** The part of the Web Locks API in use; the types of Node 20 do not have it. */
interface WebLocks {
  request<T>(name: string, work: Work<T>): Promise<T>
}

function webLocks(): WebLocks | undefined {
  // `as`: the global exists on newer Nodes than the types are for.
  return (globalThis as { navigator?: { locks?: WebLocks } }).navigator?.locks
}

function requiredWebLocks(): WebLocks {
  const locks = webLocks()
  if (locks === undefined) {
    throw new Error(`expected navigator.locks, found none on Node ${process.version}; it exists from 24.5 on`)
  }
  return locks
}

function effectSemaphore(): Runs {
  const semaphore = Semaphore.makeUnsafe(1)
  return {
    run: (work) => Effect.runPromise(semaphore.withPermit(Effect.promise(work))),
  }
}

// Bugs that several peers share

function nestedAcquireBugs(): KnownBug[] {
  const peers: ReadonlyArray<readonly [peer: string, subject: () => Runs]> = [
    ["async-mutex", asyncMutex],
    ["async-lock", asyncLock],
    ["p-limit", () => ({ run: pLimit(1) })],
    ["effect", effectSemaphore],
  ]
  const bugs = peers.map(([peer, peerSubject]) =>
    defineKnownBug({
      id: "nested-acquire-hangs",
      peer,
      defect: "a holder that asks for the same lock again hangs, without an error",
      peerSubject,
      holdfastSubject: (hf) => holdfastLock(hf, `nested/${peer}`),
      observe: observeNestedAcquire,
      broken: (seen) => seen.inner === STILL_WAITING,
    }),
  )
  return bugs
}

function oppositeOrderBugs(): KnownBug[] {
  const peers: ReadonlyArray<readonly [peer: string, subject: () => Runs]> = [
    ["async-mutex", asyncMutex],
    ["effect", effectSemaphore],
  ]
  return peers.map(([peer, makeLock]) =>
    defineKnownBug({
      id: "opposite-order-deadlock",
      peer,
      defect: "one caller takes a then b, another b then a: both hang, without an error",
      peerSubject: () => ({ a: makeLock(), b: makeLock() }),
      holdfastSubject: (hf) => ({
        a: holdfastLock(hf, `opposite/${peer}/a`),
        b: holdfastLock(hf, `opposite/${peer}/b`),
      }),
      observe: observeOppositeOrder,
      broken: (seen) => seen.aThenB === STILL_WAITING && seen.bThenA === STILL_WAITING,
    }),
  )
}

// What is done and seen

async function observeTurnsBehindDeadWaiters(lock: Runs & Holds & WaitsAtMost) {
  const alone = await turnsUntilGranted(lock, await lock.hold())
  const release = await lock.hold()
  await timeOutWaiters(lock, DEAD_WAITER_COUNT)
  const behindDead = await turnsUntilGranted(lock, release)
  return { extraTurns: behindDead - alone }
}

async function observeLockedAfterRelease(lock: Holds & WaitsAtMost & { seemsLocked(): Promise<boolean> }) {
  const release = await lock.hold()
  await timeOutWaiters(lock, DEAD_WAITER_COUNT)
  const released = release()
  const saysLocked = await lock.seemsLocked()
  await released
  return { saysLocked }
}

async function observeStrangerRelease(lock: Runs & { releaseAsStranger(): unknown }) {
  const section = new CriticalSection()
  const gate = new Gate()
  const holder = lock.run(() => section.stay(gate.opened))
  await settle()
  const stranger = await answerOf(Promise.resolve(lock.releaseAsStranger()))
  const next = lock.run(() => section.stay(gate.opened))
  await settle()
  gate.open()
  await Promise.all([holder, next])
  return { maxInside: section.maxInside, stranger }
}

async function observeDoubleRelease(
  lock: Runs & { holdTwoDoors(): Promise<{ release: Release; releaseAgain: Release }> },
) {
  const section = new CriticalSection()
  const gate = new Gate()
  const held = await lock.holdTwoDoors()
  const waiters = [1, 2].map(() => lock.run(() => section.stay(gate.opened)))
  await held.release()
  await held.releaseAgain()
  await settle()
  gate.open()
  await Promise.all(waiters)
  return { maxInside: section.maxInside }
}

async function observeTimeoutErrors(lock: Holds & WaitsAtMost) {
  const release = await lock.hold()
  const first = await timeoutErrorOfFirstCaller(lock)
  const second = await timeoutErrorOfSecondCaller(lock)
  await release()
  return {
    oneErrorForAll: first === second,
    stackNamesCaller: first.stack?.includes(timeoutErrorOfFirstCaller.name) ?? false,
  }
}

async function observeNestedAcquire(lock: Runs) {
  const inner = await answerOf(lock.run(() => lock.run(async () => "granted twice")))
  return { inner }
}

async function observeOppositeOrder({ a, b }: { a: Runs; b: Runs }) {
  const bothInside = new Gate()
  let inside = 0
  async function takeBoth(outer: Runs, inner: Runs): Promise<string> {
    return await outer.run(async () => {
      inside += 1
      if (inside === 2) {
        bothInside.open()
      }
      await bothInside.opened
      return await inner.run(async () => "done")
    })
  }
  const [aThenB, bThenA] = await Promise.all([answerOf(takeBoth(a, b)), answerOf(takeBoth(b, a))])
  return { aThenB, bThenA }
}

async function observeSeveralKeys(locks: { runOn<T>(names: readonly string[], work: Work<T>): Promise<T> }) {
  const gate = new Gate()
  const holder = locks.runOn(["a"], () => gate.opened)
  const both = Promise.all([locks.runOn(["a", "b"], async () => "done"), locks.runOn(["b", "a"], async () => "done")])
  await settle()
  gate.open()
  await holder
  return { both: await answerOf(both.then(() => "done")) }
}

async function observeBoundedExecution(lock: { runAtMost<T>(boundMs: number, work: Work<T>): Promise<T> }) {
  const section = new CriticalSection()
  const first = answerOf(lock.runAtMost(20, () => section.stayMs(60)))
  await sleep(10)
  const second = answerOf(lock.runAtMost(1_000, () => section.stayMs(1)))
  const answers = { first: await first, second: await second }
  return { maxInside: section.maxInside, ...answers }
}

async function observeManyCallers(lock: Runs) {
  const answers = await Promise.allSettled(Array.from({ length: 1_100 }, () => lock.run(async () => {})))
  return { refused: answers.filter((answer) => answer.status === "rejected").length }
}

async function observeCallerBehindDeadWaiters(lock: Runs & Holds & WaitsAtMost) {
  const release = await lock.hold()
  await timeOutWaiters(lock, DEAD_WAITER_COUNT)
  const live = answerOf(lock.run(async () => "done"))
  await release()
  return { liveCaller: await live }
}

async function observeReleaseBehindDeadWaiters(lock: Runs & Holds & WaitsAtMost) {
  const release = await lock.hold()
  await timeOutWaiters(lock, 20_000)
  const released = await answerOf((async () => await release())())
  const nextCaller = await answerOf(lock.run(async () => "done"))
  return { release: released, nextCaller }
}

async function observeWithdrawnWaiter(lock: Runs & { withdrawWaiters(): void }) {
  const gate = new Gate()
  const holder = answerOf(lock.run(() => gate.opened))
  const waiter = answerOf(lock.run(async () => "ran"))
  lock.withdrawWaiters()
  const answer = await waiter
  gate.open()
  await holder
  return { waiter: answer }
}

async function observeLargeRequest(semaphore: { runWith<T>(permits: number, work: Work<T>): Promise<T> }) {
  let largeRan = false
  let passedByLater = 0
  const first = new Gate()
  const calls: Promise<unknown>[] = [semaphore.runWith(1, () => first.opened)]
  await settle()
  const large = semaphore.runWith(2, async () => {
    largeRan = true
  })
  // Each further small request arrives before the one before it leaves, so that one permit is always taken.
  let previous = first
  for (let i = 0; i < 5; i += 1) {
    const gate = new Gate()
    calls.push(
      semaphore.runWith(1, async () => {
        passedByLater += largeRan ? 0 : 1
        await gate.opened
      }),
    )
    await settle()
    previous.open()
    await settle()
    previous = gate
  }
  previous.open()
  await Promise.all([...calls, large])
  return { passedByLater }
}

async function observeSyncThrow(lock: Runs) {
  const thrower = await answerOf(
    lock.run(() => {
      throw new Error("thrown at once")
    }),
  )
  const nextCaller = await answerOf(lock.run(async () => "done"))
  return { thrower, nextCaller }
}

// Steps

async function timeOutWaiters(lock: WaitsAtMost, count: number): Promise<void> {
  const waits = Array.from({ length: count }, () => lock.runWaitingAtMost(DEAD_WAITER_WAIT_MS, async () => {}))
  const answers = await Promise.allSettled(waits)
  const granted = answers.filter((answer) => answer.status === "fulfilled").length
  if (granted > 0) {
    throw new Error(`expected ${count} waiters to time out behind a holder, found ${granted} of them granted`)
  }
}

/** How many microtask turns a live waiter needs after the release. */
async function turnsUntilGranted(lock: Runs, release: Release): Promise<number> {
  const waiter = { granted: false }
  const live = lock.run(async () => {
    waiter.granted = true
  })
  await settle()
  const released = release()
  let turns = 0
  while (!waiter.granted && turns < COUNTED_TURNS_MAX) {
    await Promise.resolve()
    turns += 1
  }
  await live
  await released
  return turns
}

async function timeoutErrorOfFirstCaller(lock: WaitsAtMost): Promise<Error> {
  return await rejectionOf(lock)
}

async function timeoutErrorOfSecondCaller(lock: WaitsAtMost): Promise<Error> {
  return await rejectionOf(lock)
}

async function rejectionOf(lock: WaitsAtMost): Promise<Error> {
  try {
    await lock.runWaitingAtMost(DEAD_WAITER_WAIT_MS, async () => {})
  } catch (error) {
    if (error instanceof Error) {
      return error
    }
  }
  throw new Error("expected the wait to time out with an Error, found another end")
}
