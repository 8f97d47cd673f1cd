import { fork } from "node:child_process"
import { once } from "node:events"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { open } from "holdfast"

// This program starts itself once more; the second process is given the folder of the first.
const given = process.argv[2]
const folder = given ?? (await mkdtemp(join(tmpdir(), "holdfast-")))

const hf = await open(`file:${folder}`)
if (given !== undefined) {
  await visit(25) // counts up a cell, so many times
  await hf.lock("door").acquire()
  process.kill(process.pid, "SIGKILL") // dies with the lock in its hand
}
const second = fork(fileURLToPath(import.meta.url), [folder])
await Promise.all([visit(25), once(second, "exit")])
console.log(await hf.cell("visits").get()) // prints 50
await hf.lock("door").run(() => console.log("the door is free again")) // prints the door is free again

await hf.close()
await rm(folder, { recursive: true })

async function visit(times: number): Promise<void> {
  for (let i = 0; i < times; i += 1) await hf.cell("visits", { initial: 0 }).update((count) => count + 1)
}
