/** One thread or process that takes part in programs: told which, where and as whom, it acts and answers. */
import { parentPort } from "node:worker_threads"
import { open } from "holdfast"
import { races } from "../catalog.ts"
import type { Order, Reply } from "./order.ts"

async function act({ race: number, url, folder, actors }: Order): Promise<Reply> {
  const race = races.find((each) => each.number === number)
  if (race === undefined) return { error: `there is no race ${String(number)}` }
  const hf = await open(url, { label: `actors ${actors.join(", ")}` })
  try {
    await Promise.all(
      actors.map(async (actor) => {
        await race.program.act({ hf, folder }, actor)
      }),
    )
    return { error: null }
  } catch (error) {
    return { error: error instanceof Error ? (error.stack ?? error.message) : String(error) }
  } finally {
    await hf.close()
  }
}

const port = parentPort
if (port === null) {
  process.on("message", (order: Order) => {
    void act(order).then((reply) => process.send?.(reply))
  })
  process.send?.("ready")
} else {
  port.on("message", (order: Order) => {
    void act(order).then((reply) => {
      port.postMessage(reply)
    })
  })
  port.postMessage("ready")
}
