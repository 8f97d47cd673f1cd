/** Operations: results that are there, results that are not, and a crowd that asks for one of them. */
import { LRUCache } from "lru-cache"
import pMemoize from "p-memoize"
import { openMemoryStore } from "./holdfast.ts"
import { compare, type Contender, type Effort } from "./measure.ts"
import type { Table } from "./report.ts"

const CALLERS = 1_000
/** The peers drop results beyond this many; room for all that a run asks for would measure their memory. */
const KEPT_RESULTS = 10_000

export async function* measureOperations(effort: Effort): AsyncGenerator<Table> {
  const hf = await openMemoryStore()
  const double = hf?.operation("double", {
    version: 1,
    effects: "pure",
    run: async (_ctx, x: number) => await computeDouble(x),
  })
  const lru = new LRUCache<number, number>({ max: KEPT_RESULTS, fetchMethod: (x) => computeDouble(x) })
  const memoizedInMap = pMemoize(computeDouble)
  const memoized = pMemoize(computeDouble, { cache: new LRUCache<number, number>({ max: KEPT_RESULTS }) })

  const hot: Contender[] = [
    { name: "p-memoize", run: () => memoizedInMap(1) },
    { name: "lru-cache fetch", run: () => lru.fetch(1) },
  ]
  if (double !== undefined) {
    const handle = double.handle(1)
    hot.unshift(
      { name: "holdfast, by handle", isReference: true, run: () => handle.result() },
      { name: "holdfast, by arguments", run: () => double(1) },
    )
  }
  yield { title: "Operation, the result is there", op: "call", rows: await compare(hot, effort) }

  let key = 0
  const cold: Contender[] = [
    { name: "p-memoize", run: () => memoized((key += 1)) },
    { name: "lru-cache fetch", run: () => lru.fetch((key += 1)) },
  ]
  const crowd: Contender[] = [
    { name: "p-memoize", opCount: CALLERS, run: () => askAtOnce(memoized, (key += 1)) },
    { name: "lru-cache fetch", opCount: CALLERS, run: () => askAtOnce((x) => lru.fetch(x), (key += 1)) },
  ]
  if (double !== undefined) {
    cold.unshift({ name: "holdfast", isReference: true, run: () => double((key += 1)) })
    crowd.unshift({
      name: "holdfast",
      isReference: true,
      opCount: CALLERS,
      run: () => askAtOnce((x) => double(x), (key += 1)),
    })
  }
  yield { title: "Operation, a new result each time", op: "call", rows: await compare(cold, effort) }
  yield {
    title: `Operation, ${CALLERS.toLocaleString("en-US")} concurrent callers of one that is not there`,
    op: "caller",
    rows: await compare(crowd, effort),
  }
  await hf?.close()
}

async function askAtOnce(ask: (x: number) => Promise<unknown>, x: number): Promise<void> {
  await Promise.all(Array.from({ length: CALLERS }, () => ask(x)))
}

async function computeDouble(x: number): Promise<number> {
  return 2 * x
}
