/** One thread or process that takes part in programs: told which, where and as whom, it acts and reports. */
import { parentPort } from "node:worker_threads"
import { open } from "holdfast"
import { races } from "../catalog.ts"
import { openDisk } from "../disk.ts"
import type { Order, Report, Told } from "./order.ts"

const port = parentPort
let goOn = (): void => undefined

function report(what: Report): void {
  if (port === null) process.send?.(what)
  else port.postMessage(what)
}

function hear(told: Told): void {
  if (told.kind === "goOn") goOn()
  else void act(told.order)
}

async function act({ race: number, url, folder, actors, fault }: Order): Promise<void> {
  const race = races.find((each) => each.number === number)
  if (race === undefined) {
    report({ kind: "done", error: `there is no race ${String(number)}` })
    return
  }
  let hasArrived = false
  async function reach(actor: number, point: string): Promise<void> {
    if (hasArrived || actor !== fault?.actor || point !== fault.at) return
    hasArrived = true
    report({ kind: "arrived" })
    await new Promise<void>((resolve) => (goOn = resolve))
  }
  const disk = openDisk(folder)
  const hf = await open(url, { label: `actors ${actors.join(", ")}` })
  let error: string | null = null
  try {
    const acts = actors.map(async (actor) => {
      await race.program.act({ hf, folder, disk, reach: async (point) => await reach(actor, point) }, actor)
    })
    report({ kind: "acting" })
    await Promise.all(acts)
  } catch (thrown) {
    error = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)
  } finally {
    await hf.close()
  }
  report({ kind: "done", error })
}

if (port === null) process.on("message", hear)
else port.on("message", hear)
report({ kind: "ready" })
