/** BullMQ on Redis. */
import { Queue, QueueEvents, Worker } from "bullmq"
import { nowMs, repeatFor, serveOrders } from "../durable/orders.ts"
import { Bodies, nextName, Settlements } from "./engine.mjs"

const [address] = process.argv.slice(2)
const { hostname: host, port } = new URL(address)
const connection = { host, port: Number(port), maxRetriesPerRequest: null }
const bodies = new Bodies()
const settlements = new Settlements()
const queue = new Queue("bench", { connection, defaultJobOptions: { removeOnComplete: true } })
await queue.waitUntilReady()
let isWorking = false
let events = null

async function run() {
  const jobId = nextName()
  if (isWorking) {
    const settled = settlements.of(jobId)
    await queue.add("step", {}, { jobId })
    await settled
    return
  }
  events ??= new QueueEvents("bench", { connection })
  await events.waitUntilReady()
  const job = await queue.add("step", {}, { jobId, removeOnComplete: false })
  await job.waitUntilFinished(events)
}

async function body(job) {
  bodies.enter()
  if (job.name === "stuck") await new Promise(() => {})
  return job.id
}

serveOrders({
  async work(concurrency) {
    const worker = new Worker("bench", body, { connection, concurrency })
    worker.on("completed", (job) => settlements.settle(job.id))
    await worker.waitUntilReady()
    isWorking = true
  },
  run: (durationMs, callers) => repeatFor(durationMs, callers, run),
  async startOne() {
    const startedMs = nowMs()
    await run()
    return { startedMs, resultMs: nowMs() }
  },
  async startStuck() {
    await queue.add("stuck", {})
  },
  nextBody: () => bodies.next(),
})
