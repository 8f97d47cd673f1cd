/**
 * Every descriptor is closed once. Who closes one again, by its number, closes what another thread of the process has
 * opened meanwhile; the system sees it even where nobody had, and strace tells.
 */
import { spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, it, onTestFinished } from "vitest"

const ROUNDS = 20

/** Two threads that lose the keeper's lock to each other. */
const PROGRAM = `
  import { Worker, isMainThread, parentPort } from "node:worker_threads"
  const base = ${JSON.stringify(new URL("./", import.meta.url).href)}
  const program = ${JSON.stringify(`
    const { parentPort, workerData } = require("node:worker_threads")
    void (async () => {
      ;(await import(workerData.loader)).register()
      const { openFolder } = await import(workerData.base + "folder.ts")
      const { awaitKeeper } = await import(workerData.base + "await-keeper.ts")
      const { systemEnv } = await import(workerData.base + "../../../env/index.ts")
      const folder = openFolder(workerData.path, systemEnv)
      for (let round = 0; round < ${String(ROUNDS)}; round += 1) {
        const found = await awaitKeeper(folder, { ignoredIncarnation: null, signal: new AbortController().signal })
        // The other is waiting by then, or will be.
        await new Promise((resolve) => setTimeout(resolve, 10))
        found.lock.release()
      }
      process.exit()
    })()
  `)}
  const workerData = { base, path: process.argv[1], loader: import.meta.resolve("tsx/esm/api") }
  for (let each = 0; each < 2; each += 1) new Worker(program, { eval: true, execArgv: [], workerData })
`

it("closes no descriptor twice when the lock changes hands between threads", () => {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-descriptors-"))
  onTestFinished(() => {
    rmSync(folder, { recursive: true, force: true })
  })
  const calls = join(folder, "calls")
  const node = [process.execPath, "--import", "tsx", "--input-type=module", "--eval", PROGRAM, join(folder, "store")]
  const { status, stderr } = spawnSync("strace", ["-f", "-Z", "-e", "trace=close", "-o", calls, ...node])
  expect({ status, stderr: String(stderr) }).toEqual({ status: 0, stderr: "" })
  const failed = readFileSync(calls, "utf8")
    .split("\n")
    .filter((line) => line.includes("close("))
  expect(failed).toEqual([])
})
