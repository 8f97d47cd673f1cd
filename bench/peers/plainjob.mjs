/** plainjob on SQLite, which it sets to NORMAL and this to FULL, as durable as the others. Its worker runs one job at a time. */
import Database from "better-sqlite3"
import { better, defineQueue, defineWorker } from "plainjob"
import { nowMs, repeatFor, serveOrders } from "../durable/orders.ts"
import { Bodies, nextName, Settlements } from "./engine.mjs"

const [folder, pollMs] = process.argv.slice(2)
const bodies = new Bodies()
const settlements = new Settlements()
const quiet = { error() {}, warn() {}, info() {}, debug() {} }
const database = new Database(`${folder}/plainjob.db`)
const queue = defineQueue({ connection: better(database), logger: quiet })
database.pragma("synchronous = FULL")
let isWorking = false

async function run() {
  const name = nextName()
  const settled = settlements.of(name)
  queue.add("bench", { name })
  await settled
}

serveOrders({
  work() {
    const worker = defineWorker(
      "bench",
      async (job) => {
        bodies.enter()
        if (JSON.parse(job.data).isStuck) await new Promise(() => {})
      },
      {
        queue,
        logger: quiet,
        onCompleted: (job) => settlements.settle(JSON.parse(job.data).name),
        // Without a third argument plainjob polls as often as it does by itself.
        ...(process.argv.length > 3 ? { pollIntervall: Number(pollMs) } : {}),
      },
    )
    void worker.start()
    isWorking = true
  },
  run: (durationMs, callers) => repeatFor(durationMs, callers, run),
  async startOne() {
    const startedMs = nowMs()
    if (isWorking) await run()
    else queue.add("bench", { name: nextName() })
    return { startedMs, resultMs: isWorking ? nowMs() : null }
  },
  startStuck() {
    queue.add("bench", { isStuck: true })
  },
  nextBody: () => bodies.next(),
})
