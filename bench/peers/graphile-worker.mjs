/** graphile-worker on Postgres: jobs that have no results, so a run ends where the job's completion is stored. */
import graphile from "graphile-worker"
import pg from "pg"
import { nowMs, repeatFor, serveOrders } from "../durable/orders.ts"
import { Bodies, nextName, Settlements } from "./engine.mjs"

const [connectionString] = process.argv.slice(2)
const bodies = new Bodies()
const settlements = new Settlements()
const logger = new graphile.Logger(() => () => {})
const pgPool = new pg.Pool({ connectionString, max: 20 })
// It asks for handlers; a server that goes away ends the measurement anyway.
pgPool.on("error", () => {})
pgPool.on("connect", (client) => client.on("error", () => {}))
const tools = await graphile.makeWorkerUtils({ pgPool, logger })
await tools.migrate()
let isWorking = false

const taskList = {
  step: async () => bodies.enter(),
  stuck: async () => {
    bodies.enter()
    await new Promise(() => {})
  },
}

async function run() {
  const name = nextName()
  const settled = settlements.of(name)
  await tools.addJob("step", { name })
  await settled
}

serveOrders({
  async work(concurrency) {
    const runner = await graphile.run({ pgPool, logger, taskList, concurrency, noHandleSignals: true })
    runner.events.on("job:complete", ({ job }) => settlements.settle(job.payload.name))
    isWorking = true
  },
  run: (durationMs, callers) => repeatFor(durationMs, callers, run),
  async startOne() {
    const startedMs = nowMs()
    if (isWorking) await run()
    else await tools.addJob("step", { name: nextName() })
    return { startedMs, resultMs: isWorking ? nowMs() : null }
  },
  async startStuck() {
    await tools.addJob("stuck", {})
  },
  nextBody: () => bodies.next(),
})
