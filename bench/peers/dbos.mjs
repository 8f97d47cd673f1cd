/** DBOS on Postgres: a workflow of one step, called or queued; and a workflow of many steps. */
import { DBOS, DBOSClient } from "@dbos-inc/dbos-sdk"
import { nowMs, repeatFor, serveOrders } from "../durable/orders.ts"
import { Bodies, nextName } from "./engine.mjs"

const [systemDatabaseUrl, pollMs] = process.argv.slice(2)
const bodies = new Bodies()
// Without a third argument DBOS polls as often as it does by itself.
const hasPoll = process.argv.length > 3
const polling = hasPoll ? { pollingIntervalMs: Number(pollMs) } : {}
const queue = hasPoll ? { minPollingIntervalMs: Number(pollMs) } : {}

const body = async (name) => {
  bodies.enter()
  return name
}
const step = DBOS.registerWorkflow((name) => DBOS.runStep(() => body(name), { name: "step" }), { name: "step" })
const stuck = DBOS.registerWorkflow(
  async () => {
    bodies.enter()
    await new Promise(() => {})
  },
  { name: "stuck" },
)
const manySteps = DBOS.registerWorkflow(
  async (count) => {
    const since = nowMs()
    for (let i = 0; i < count; i += 1) await DBOS.runStep(async () => i, { name: `step ${i}` })
    return ((nowMs() - since) * 1e6) / count
  },
  { name: "many-steps" },
)
// Each process is an executor of its own, as several hosts are.
DBOS.setConfig({ name: "bench", systemDatabaseUrl, logLevel: "error", executorID: nextName(), runAdminServer: false })

let launched = null
let client = null

async function launch() {
  launched ??= (async () => {
    await DBOS.launch()
    await DBOS.registerQueue("bench", queue)
  })()
  await launched
}

async function start(workflow, name, ...args) {
  if (launched !== null) return await DBOS.startWorkflow(workflow, { queueName: "bench" })(...args)
  client ??= await DBOSClient.create({ systemDatabaseUrl, applicationName: "bench" })
  return await client.enqueue({ queueName: "bench", workflowName: name }, ...args)
}

serveOrders({
  work: launch,
  async run(durationMs, callers) {
    await launch()
    return await repeatFor(durationMs, callers, () => step(nextName()))
  },
  async steps(count) {
    await launch()
    return await manySteps(count)
  },
  async startOne() {
    const startedMs = nowMs()
    const handle = await start(step, "step", nextName())
    await handle.getResult(polling)
    return { startedMs, resultMs: nowMs() }
  },
  async startStuck() {
    await start(stuck, "stuck")
  },
  nextBody: () => bodies.next(),
})
