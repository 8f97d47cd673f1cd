import { setTimeout as sleep } from "node:timers/promises"
import { open } from "holdfast"

const hf = await open("memory:")

// A queue is an operation that is started instead of called: any worker takes it.
const render = hf.operation("render", {
  version: 1,
  effects: "idempotent",
  retry: { maxAttempts: 3, initialMs: 10 },
  run: async (ctx, scene: string) => {
    await ctx.progress(0.5)
    if (ctx.attempt === 1 && scene === "sea") throw new Error("the first try of the sea fails")
    await sleep(5, undefined, { signal: ctx.signal })
    return `${scene}.mp4`
  },
})

const runs = await Promise.all(["hills", "sea", "sky"].map((scene) => hf.start(render, [scene], { key: scene })))
const worker = await hf.work([render], { concurrency: 2 })
for (const run of runs) console.log(await run.result())
// prints hills.mp4
// prints sea.mp4
// prints sky.mp4

// Starting again under the same key is the same run.
const again = await hf.start(render, ["sea"], { key: "sea" })
console.log((await again.status()).attempt) // prints 2

await worker.drain()
await hf.close()
