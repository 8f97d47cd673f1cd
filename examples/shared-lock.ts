import { Worker } from "node:worker_threads"
import { SharedLock } from "holdfast"

// In a program this is a file of its own.
const thread = `import("holdfast").then(({ SharedLock }) => {
  const { handle, sums } = require("node:worker_threads").workerData
  const lock = SharedLock.from(handle)
  for (let i = 0; i < 1_000; i += 1) lock.runSync(() => { sums[0] += 1; sums[1] -= 1 })
})`

const lock = SharedLock.create()
const sums = new Int32Array(new SharedArrayBuffer(8))
const worker = new Worker(thread, { eval: true, workerData: { handle: lock.handle, sums } })
lock.guard(worker) // however the thread ends, the lock goes on
const ended = new Promise((resolve) => worker.once("exit", resolve))

for (let i = 0; i < 1_000; i += 1) {
  await lock.run(({ wasAbandoned }) => {
    if (wasAbandoned) sums[1] = -Number(sums[0]) // the thread died half way: mend what it left
    sums.set([Number(sums[0]) + 2, Number(sums[1]) - 2])
  })
}
await ended
console.log(sums.join(" and ")) // prints 3000 and -3000
