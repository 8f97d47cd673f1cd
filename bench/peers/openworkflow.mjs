/** OpenWorkflow on SQLite, which needs Node 22: node:sqlite flushes every commit. Neither of its polls can be set. */
import { OpenWorkflow } from "openworkflow"
import { BackendSqlite } from "openworkflow/sqlite"
import { nowMs, repeatFor, serveOrders } from "../durable/orders.ts"
import { Bodies, nextName } from "./engine.mjs"

const [folder] = process.argv.slice(2)
const bodies = new Bodies()
const engine = new OpenWorkflow({ backend: BackendSqlite.connect(`${folder}/openworkflow.db`) })

const step = engine.defineWorkflow(
  { name: "step" },
  async ({ input, step: ctx }) =>
    await ctx.run({ name: "step" }, () => {
      bodies.enter()
      return input.name
    }),
)
const stuck = engine.defineWorkflow({ name: "stuck" }, async () => {
  bodies.enter()
  await new Promise(() => {})
})
const manySteps = engine.defineWorkflow({ name: "many-steps" }, async ({ input, step: ctx }) => {
  const start = nowMs()
  for (let i = 0; i < input.count; i += 1) await ctx.run({ name: `step ${i}` }, () => i)
  return ((nowMs() - start) * 1e6) / input.count
})

async function run() {
  const handle = await step.run({ name: nextName() })
  return await handle.result()
}

serveOrders({
  async work(concurrency) {
    await engine.newWorker({ concurrency }).start()
  },
  run: (durationMs, callers) => repeatFor(durationMs, callers, run),
  async steps(count) {
    const handle = await manySteps.run({ count })
    return await handle.result()
  },
  async startOne() {
    const startedMs = nowMs()
    await run()
    return { startedMs, resultMs: nowMs() }
  },
  async startStuck() {
    await stuck.run({})
  },
  nextBody: () => bodies.next(),
})
