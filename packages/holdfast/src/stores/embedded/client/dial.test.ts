import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { connect, createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, it, onTestFinished } from "vitest"
import { type Env, systemEnv } from "../../../env/index.ts"
import { Candidacy, KeeperLock } from "../folder/election.ts"
import { openFolder } from "../folder/folder.ts"
import type { KeeperFile } from "../folder/keeper-file.ts"
import { connectFolder } from "./connect.ts"

/** Passes connections on to a socket, but for the first, which it takes and drops. */
async function startBadStart(path: string, to: string): Promise<void> {
  let isFirst = true
  const server = createServer((socket) => {
    socket.on("error", () => {})
    if (isFirst) {
      isFirst = false
      socket.destroy()
      return
    }
    const through = connect(to)
    through.on("error", () => {})
    socket.pipe(through).pipe(socket)
  })
  await new Promise<void>((resolve) => server.listen(path, resolve))
  onTestFinished(() => {
    server.close()
  })
}

it("asks a keeper again whose connection broke before it said who it is", async () => {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-dial-"))
  const store = join(folder, "store")
  const options = { address: `file:${store}`, env: systemEnv, check: true }
  const first = await connectFolder(options)
  const announcement = join(store, "keeper.json")
  const keeper = JSON.parse(readFileSync(announcement, "utf8")) as KeeperFile // What the keeper has just written.
  const detour = join(folder, "detour.sock")
  await startBadStart(detour, keeper.socket)
  writeFileSync(announcement, JSON.stringify({ ...keeper, socket: detour }))
  const second = await connectFolder(options)
  expect(second.id).toBe(first.id)
  await second.close()
  await first.close()
  rmSync(folder, { recursive: true })
})

it("says of a keeper that does not answer for how long it did not, as every request does", async () => {
  const path = mkdtempSync(join(tmpdir(), "holdfast-dial-"))
  // Somebody has the lock, and never says who it is.
  const lock = KeeperLock.tryTake(openFolder(path, systemEnv))
  const bounds: (() => void)[] = []
  const env: Env = {
    ...systemEnv,
    timers: {
      ...systemEnv.timers,
      after: (ms, run, options) => {
        if (ms === 10_000) bounds.push(run)
        return systemEnv.timers.after(ms, run, options)
      },
    },
  }
  const connecting = connectFolder({ address: `file:${path}`, env, check: true })
  for (const expire of bounds) expire()
  await expect(connecting).rejects.toMatchObject({ code: "STORE_UNAVAILABLE", details: { unansweredMs: 10_000 } })
  lock?.release()
  rmSync(path, { recursive: true })
})

it("keeps the store after one that came first and ended at once", async () => {
  const path = mkdtempSync(join(tmpdir(), "holdfast-dial-"))
  const folder = openFolder(path, systemEnv)
  const connecting = connectFolder({ address: `file:${path}`, env: systemEnv, check: true })
  // Until it is a candidate, and before its thread has started.
  for (;;) {
    const candidacy = Candidacy.tryTake(folder)
    if (candidacy === null) break
    candidacy.release()
    await new Promise((resolve) => setImmediate(resolve))
  }
  const lock = KeeperLock.tryTake(folder)
  expect(lock).not.toBeNull()
  // Longer than a thread takes to start; that it waits for the lock then, nothing outside it shows.
  await new Promise((resolve) => setTimeout(resolve, 2_000))
  lock?.release()
  await (await connecting).close()
  rmSync(path, { recursive: true })
})
