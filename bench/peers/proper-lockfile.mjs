/** proper-lockfile: asked again after 1 to 10 ms while somebody else has the lock, for as long as it takes. */
import { writeFileSync } from "node:fs"
import lockfile from "proper-lockfile"
import { nowMs, repeatFor, serveOrders } from "../durable/orders.ts"

const [folder] = process.argv.slice(2)
const file = `${folder}/locked`
writeFileSync(file, "", { flag: "a" })
// For ever, rather than very often: its retry library makes a list of all its pauses each time, before the first try.
const retries = { forever: true, retries: 10, factor: 1.5, minTimeout: 1, maxTimeout: 10, randomize: true }

async function lockOnce() {
  const release = await lockfile.lock(file, { retries })
  await release()
}

serveOrders({
  lockAlone: (durationMs) => repeatFor(durationMs, 1, lockOnce),
  async lockAmongOthers(fromMs, untilMs) {
    await new Promise((resolve) => {
      setTimeout(resolve, fromMs - nowMs())
    })
    let count = 0
    while (nowMs() < untilMs) {
      await lockOnce()
      if (nowMs() < untilMs) count += 1
    }
    return count
  },
})
