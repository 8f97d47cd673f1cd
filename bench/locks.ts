/** Locks: uncontended, nested, in crowds, inside an operation, and among thousands of scopes that wait elsewhere. */
import { Mutex } from "async-mutex"
import type { Holdfast } from "holdfast"
import pMemoize from "p-memoize"
import { measureCrowds, type CrowdResult } from "./crowd.ts"
import { Gate } from "./gate.ts"
import { openMemoryStore } from "./holdfast.ts"
import { openLockers, type MakeLock, type OpenLocker, type Work } from "./lockers.ts"
import { compare, type Contender, type Effort } from "./measure.ts"
import type { Row, Table } from "./report.ts"

const CROWDS = [100, 10_000, 100_000, 1_000_000]
const OTHER_SCOPES = 10_000
const LOCKS_IN_ONE_BODY = 1_000

export async function* measureLocks(effort: Effort): AsyncGenerator<Table> {
  const opened = await openLockers()
  yield await measureUncontended(opened, effort)
  yield await measureNested(opened, effort)
  yield await measureInsideOperation(effort)
  yield* measureAmongOthers(opened, effort)
  yield* measureBursts(opened, effort)
  for (const { close } of opened) {
    await close()
  }
  yield await measureHalfAborted(effort)
}

async function measureUncontended(opened: readonly OpenLocker[], effort: Effort): Promise<Table> {
  const contenders: Contender[] = opened.map(({ name, isHoldfast, makeLock }) => {
    const run = makeLock("uncontended")
    return { name, isReference: isHoldfast, run: () => run(emptyWork) }
  })
  const hf = await openMemoryStore()
  if (hf !== undefined) {
    const kept = hf.lock("kept")
    contenders.push({ name: "holdfast, the lock object kept", run: () => kept.run(emptyWork) })
    contenders.push({
      name: "holdfast, acquire and release",
      run: async () => {
        const grant = await kept.acquire()
        await grant.release()
      },
    })
  }
  const rows = await compare(contenders, effort)
  await hf?.close()
  return { title: "Lock, uncontended: acquire, an empty async function, release", op: "lock", rows }
}

async function measureNested(opened: readonly OpenLocker[], effort: Effort): Promise<Table> {
  const contenders = opened.map(({ name, isHoldfast, makeLock }): Contender => {
    const [a, b, c] = [makeLock("a"), makeLock("b"), makeLock("c")]
    return { name, isReference: isHoldfast, run: () => a(() => b(() => c(emptyWork))) }
  })
  const rows = await compare(contenders, effort)
  return { title: "3 locks nested, uncontended", op: "nest", rows }
}

async function measureInsideOperation(effort: Effort): Promise<Table> {
  const mutex = new Mutex()
  const memoized = pMemoize(async (_key: number) => {
    for (let i = 0; i < LOCKS_IN_ONE_BODY; i += 1) {
      await mutex.runExclusive(emptyWork)
    }
  })
  let key = 0
  const contenders: Contender[] = []
  const hf = await openMemoryStore()
  if (hf !== undefined) {
    const operation = hf.operation("locks-inside", {
      version: 1,
      effects: "pure",
      run: async (_ctx, _key: number) => {
        for (let i = 0; i < LOCKS_IN_ONE_BODY; i += 1) {
          await hf.lock("inside").run(emptyWork)
        }
      },
    })
    contenders.push({
      name: "holdfast",
      isReference: true,
      opCount: LOCKS_IN_ONE_BODY,
      run: () => operation((key += 1)),
    })
  }
  contenders.push({ name: "async-mutex in p-memoize", opCount: LOCKS_IN_ONE_BODY, run: () => memoized((key += 1)) })
  const rows = await compare(contenders, effort)
  await hf?.close()
  return { title: `Lock inside an operation's body, ${LOCKS_IN_ONE_BODY} in one body`, op: "lock", rows }
}

/** The same two scenes on an empty store and while thousands of scopes hold a lock each and wait for another. */
async function* measureAmongOthers(opened: readonly OpenLocker[], effort: Effort): AsyncGenerator<Table> {
  for (const others of [0, OTHER_SCOPES]) {
    const beside: Work[] = []
    const contenders: Contender[] = []
    for (const { name, isHoldfast, makeLock } of opened) {
      beside.push(await waitElsewhere(makeLock, others))
      const [left, right, inner] = [makeLock("left"), makeLock("right"), makeLock("inner")]
      contenders.push({
        name,
        isReference: isHoldfast,
        // One of the two holds its outer lock while it waits for the inner one: detection has to look.
        run: () => Promise.all([left(() => inner(emptyWork)), right(() => inner(emptyWork))]),
      })
    }
    yield {
      title: `2 scopes that hold a lock meet at a third, ${others.toLocaleString("en-US")} other scopes waiting elsewhere`,
      op: "meeting",
      rows: await compare(contenders, effort),
    }
    for (const letGo of beside) {
      await letGo()
    }
  }
}

/** Parks scopes that each hold a lock of their own at one gate; the result opens it and waits until all have left. */
async function waitElsewhere(makeLock: MakeLock, scopes: number): Promise<Work> {
  const gate = new Gate()
  const atGate = makeLock("elsewhere/gate")
  const held = atGate(() => gate.opened)
  const parked = Array.from({ length: scopes }, (_, i) => makeLock(`elsewhere/${i}`)(() => atGate(emptyWork)))
  await new Promise((resolve) => setImmediate(resolve))
  return async () => {
    gate.open()
    await held
    await Promise.all(parked)
  }
}

/** Each larger than the one before; a lock that one crowd was too much for is not shown to the next. */
async function* measureBursts(opened: readonly OpenLocker[], effort: Effort): AsyncGenerator<Table> {
  const collapsed = new Map<string, Row>()
  for (const waiters of CROWDS) {
    const crowd = `${waiters.toLocaleString("en-US")} waiters`
    const standing = opened.filter(({ name }) => !collapsed.has(name))
    const results = await measureCrowds(
      standing.map(({ name }) => ({ kind: "burst", locker: name, waiters })),
      effort,
    )
    const rows = standing.map(({ name, isHoldfast }, i) => crowdRow(name, isHoldfast, results[i]))
    yield { title: `Lock, ${crowd} at once`, op: "waiter", rows: [...rows, ...collapsed.values()] }
    for (const row of rows) {
      if (row.nsPerOp === null) {
        collapsed.set(row.name, { ...row, note: `at ${crowd} ${row.note}` })
      }
    }
  }
}

async function measureHalfAborted(effort: Effort): Promise<Table> {
  const crowds = [1_000, 1_000_000]
  const title = "Lock, half of the waiters aborted (no peer takes an AbortSignal)"
  const hf: Holdfast | undefined = await openMemoryStore()
  await hf?.close()
  if (hf === undefined) {
    return { title, op: "waiter", rows: [] }
  }
  const results = await measureCrowds(
    crowds.map((waiters) => ({ kind: "halfAborted", waiters })),
    effort,
  )
  const rows = crowds.map((waiters, i) =>
    crowdRow(`holdfast, ${waiters.toLocaleString("en-US")} waiters`, i === 0, results[i]),
  )
  return { title, op: "waiter", rows }
}

function crowdRow(name: string, isReference: boolean, result: CrowdResult | string | undefined): Row {
  if (result === undefined || typeof result === "string") {
    return { name, nsPerOp: null, note: result ?? "no result", isReference }
  }
  const { nsPerWaiter, waitingBytes, leftBytes } = result
  const note = `heap: ${formatMiB(waitingBytes)} while all wait, ${formatMiB(leftBytes)} afterwards`
  return { name, nsPerOp: nsPerWaiter, note, isReference }
}

function formatMiB(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`
}

async function emptyWork(): Promise<void> {}
