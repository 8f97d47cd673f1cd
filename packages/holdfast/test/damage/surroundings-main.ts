/** Programs whose surroundings are bent: the first argument says which, the second names the store. */
import { closeSync, openSync, writeFileSync } from "node:fs"
import { isHoldfastError } from "../../src/kernel/index.ts"
import { open } from "../built-package.ts"

type Report = Readonly<Record<string, unknown>>

/** What came of opening the store and writing to it. */
async function tryOpening(address: string): Promise<Report> {
  try {
    const hf = await open(address)
    await hf.cell("written").set(1)
    await hf.close()
    return { opened: true }
  } catch (error) {
    if (!isHoldfastError(error)) throw error
    return { opened: false, code: error.code, message: error.message }
  }
}

/** Uses up every file handle of its process under an open store, and gives them back. */
async function useUpHandles(address: string): Promise<Report> {
  const hf = await open(address)
  await hf.cell("before").set(1)
  const handles: number[] = []
  let full: unknown = null
  while (full === null) {
    try {
      handles.push(openSync("/dev/null", "r"))
    } catch (error) {
      full = error
    }
  }
  const other = await tryOpening(`${address}-other`)
  // What is open goes on.
  await hf.cell("during").set(2)
  const during = await hf.cell("during").get()
  for (const handle of handles) closeSync(handle)
  const afterwards = await tryOpening(`${address}-other`)
  await hf.close()
  return { other, during, afterwards }
}

/** Sets the wall clock of this process, by the file its fake time is read from. */
function setClock(offset: string): void {
  writeFileSync(String(process.env["FAKETIME_TIMESTAMP_FILE"]), `${offset}\n`)
}

/** Moves the wall clock a day to either side under an open store with a lease, a delay and a bounded wait. */
async function moveClock(address: string): Promise<Report> {
  const hf = await open(address)
  const other = await open(address)
  const work = hf.operation("work", { version: 1, effects: "pure", run: (_context, which: string) => which })
  // Takes the delayed run as soon as it is due.
  const worker = await hf.work([work], { concurrency: 1 })
  const report: Record<string, unknown> = {}
  for (const offset of ["+1d", "-1d"]) {
    const before = Date.now()
    const long = await hf.lock(`long${offset}`).acquire({ leaseMs: 3_600_000 })
    const short = await hf.lock(`short${offset}`).acquire({ leaseMs: 300 })
    const delayed = await hf.start(work, [offset], { delayMs: 3_600_000 })
    setClock(offset)
    const movedMs = Date.now() - before
    // The keeper looks at its clock with every command.
    for (let n = 0; n < 20; n += 1) await hf.cell("n").set(n)
    // Ends with its lease, by the time that passes.
    const passed = await other.lock(`short${offset}`).acquire({ waitMs: 8_000 })
    report[offset] = {
      movedHours: Math.round(movedMs / 3_600_000),
      longIsHeld: long.isHeld,
      longIsFree: (await other.lock(`long${offset}`).try()) !== undefined,
      passedOn: passed.token > short.token,
      delayed: (await delayed.status()).status,
    }
    setClock("+0")
  }
  await worker.stop()
  await other.close()
  await hf.close()
  return report
}

const PROGRAMS: Readonly<Record<string, (address: string) => Promise<Report>>> = { tryOpening, useUpHandles, moveClock }

const [, , name = "", address = ""] = process.argv
process.stdout.write(JSON.stringify(await PROGRAMS[name]?.(address)))
