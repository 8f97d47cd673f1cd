import { chmodSync, readdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { Socket } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect, it, onTestFinished } from "vitest"
import { systemEnv } from "../../../env/index.ts"
import { awaitKeeper, type KeeperFound } from "./await-keeper.ts"
import { Candidacy, KeeperLock } from "./election.ts"
import { isAnyAlive } from "./client-lock.ts"
import { type Folder, openFolder, readSurroundings, restoreLockFiles } from "./folder.ts"
import { type KeeperFile, removeKeeperFile, writeKeeperFile } from "./keeper-file.ts"
import { awaitPredecessor, onUnnamed } from "./predecessor.ts"

const KEEPER: KeeperFile = {
  protocol: 1,
  socket: "/run/x.sock",
  instance: "the store",
  incarnation: "first",
  pid: 4_711,
  startTime: 123_456,
  build: "0.1.0",
  bootId: null,
}

function makeFolder(platform: NodeJS.Platform = process.platform): Folder {
  const path = mkdtempSync(join(tmpdir(), "holdfast-election-"))
  onTestFinished(() => {
    rmSync(path, { recursive: true, force: true })
  })
  return openFolder(path, systemEnv, { ...readSurroundings(), platform })
}

function take(folder: Folder): KeeperLock {
  const lock = KeeperLock.tryTake(folder)
  if (lock === null) throw new Error("the lock should be free")
  return lock
}

async function park(
  folder: Folder,
  ignoredIncarnation: string | null,
  signal: AbortSignal = new AbortController().signal,
): Promise<{ readonly found: Promise<KeeperFound>; readonly state: () => string }> {
  let state = "waiting"
  const found = awaitKeeper(folder, { ignoredIncarnation, signal })
  found.then(
    ({ kind }) => (state = kind),
    () => (state = "rejected"),
  )
  await turn()
  expect(state).toBe("waiting")
  return { found, state: () => state }
}

/** Enough turns of the loop for whatever a watch has to say; an event that does not come has no event of its own. */
async function turn(): Promise<void> {
  for (let count = 0; count < 5; count += 1) await new Promise((resolve) => setTimeout(resolve, 2))
}

/** Those of this thread; nothing public lists them. */
function openSockets(): Socket[] {
  const { _getActiveHandles: list } = process as unknown as { _getActiveHandles: () => unknown[] }
  return list.call(process).filter((each): each is Socket => each instanceof Socket)
}

function countOpenFiles(): number {
  return readdirSync(process.platform === "linux" ? "/proc/self/fd" : "/dev/fd").length
}

describe("a candidacy", () => {
  it("is one's where nobody keeps the store, and leaves the lock to the keeper that is started", () => {
    const folder = makeFolder("linux")
    const candidacy = Candidacy.tryTake(folder)
    expect(candidacy).not.toBeNull()
    expect(Candidacy.tryTake(folder)).toBeNull()
    const lock = take(folder)
    candidacy?.release()
    expect(Candidacy.tryTake(folder)).toBeNull()
    // Its refusal has not cost the keeper its lock.
    expect(KeeperLock.tryTake(folder)).toBeNull()
    lock.release()
    const next = Candidacy.tryTake(folder)
    expect(next).not.toBeNull()
    next?.release()
  })

  it("hides nobody's end, whatever becomes of the candidate (L6)", async () => {
    const folder = makeFolder("linux")
    const candidacy = Candidacy.tryTake(folder)
    const lock = take(folder)
    const { found } = await park(folder, null)
    lock.release()
    const next = await found
    expect(next.kind).toBe("elected")
    if (next.kind === "elected") next.lock.release()
    candidacy?.release()
  })

  it("leaves nothing open where it is refused", () => {
    const folder = makeFolder("linux")
    const lock = take(folder)
    const before = countOpenFiles()
    expect(Candidacy.tryTake(folder)).toBeNull()
    expect(countOpenFiles()).toBe(before)
    lock.release()
  })

  it("is everybody's where only whole files can be locked", () => {
    const folder = makeFolder("darwin")
    const both = [Candidacy.tryTake(folder), Candidacy.tryTake(folder)]
    expect(both).not.toContain(null)
    for (const each of both) each?.release()
    take(folder).release()
  })
})

describe("the keeper's lock", () => {
  it("is held by one open file at a time, also within one process", () => {
    const folder = makeFolder()
    const first = take(folder)
    expect(KeeperLock.tryTake(folder)).toBeNull()
    expect(KeeperLock.tryTake(folder)).toBeNull()
    expect([first.isHeld, first.isNamed()]).toEqual([true, true])
    first.release()
    const second = take(folder)
    // Releasing twice does not release the next one's.
    first.release()
    expect([first.isHeld, first.isNamed()]).toEqual([false, false])
    expect(KeeperLock.tryTake(folder)).toBeNull()
    second.release()
  })

  it("of two folders are two", () => {
    const locks = [take(makeFolder()), take(makeFolder())]
    for (const lock of locks) lock.release()
  })

  it("knows when its file was replaced", () => {
    const folder = makeFolder()
    const lock = take(folder)
    renameSync(folder.keeperLock, `${folder.keeperLock}.moved`)
    expect(lock.isNamed()).toBe(false)
    writeFileSync(folder.keeperLock, "")
    expect(lock.isNamed()).toBe(false)
    lock.release()
  })

  it("is refused when its file is gone, and leaves no open file", () => {
    const folder = makeFolder()
    rmSync(folder.keeperLock)
    const before = countOpenFiles()
    expect(() => KeeperLock.tryTake(folder)).toThrow(expect.objectContaining({ code: "STORE_UNAVAILABLE" }))
    expect(countOpenFiles()).toBe(before)
  })
})

describe("the keeper's second lock", () => {
  it("keeps out whoever takes a lock file that was put in the place of the keeper's (L1)", () => {
    const folder = makeFolder("linux")
    const first = take(folder)
    expect(first.tryKeep()).toBe(true)
    rmSync(folder.keeperLock)
    restoreLockFiles(folder)
    const second = take(folder)
    expect([first.isNamed(), second.isNamed(), second.tryKeep()]).toEqual([false, true, false])
    expect(isAnyAlive(folder)).toBe(false)
    first.release()
    expect(second.tryKeep()).toBe(true)
    second.release()
  })

  it("is waited for, and refused with its process where it is not given up (L1)", async () => {
    const folder = makeFolder("linux")
    const first = take(folder)
    expect(first.tryKeep()).toBe(true)
    rmSync(folder.keeperLock)
    restoreLockFiles(folder)
    const before = countOpenFiles()
    const refused = await awaitPredecessor(take(folder), systemEnv).then(
      () => null,
      (error: unknown) => error,
    )
    expect(refused).toMatchObject({ code: "STORE_UNAVAILABLE" })
    expect(String(refused)).toContain(`process ${String(process.pid)} keeps the store`)
    expect(countOpenFiles()).toBe(before)
    const second = take(folder)
    const waiting = awaitPredecessor(second, systemEnv)
    await turn()
    first.release()
    await waiting
    second.release()
  })

  it("is no client's, and where only whole files can be locked there is none", () => {
    const folder = makeFolder("darwin")
    const lock = take(folder)
    expect(lock.tryKeep()).toBe(true)
    expect(isAnyAlive(folder)).toBe(false)
    lock.release()
  })
})

describe("the name of the lock file", () => {
  it.each([
    ["removed", (path: string) => rmSync(path)],
    ["moved", (path: string) => renameSync(path, `${path}.moved`)],
    [
      "replaced",
      (path: string) => {
        writeFileSync(`${path}.other`, "")
        renameSync(`${path}.other`, path)
      },
    ],
  ])("that is %s is told to whoever keeps the store, once", async (_, change) => {
    const folder = makeFolder()
    const lock = take(folder)
    let told = 0
    let hear: () => void = () => {}
    const heard = new Promise<void>((resolve) => (hear = resolve))
    const watch = onUnnamed(lock, () => {
      told += 1
      hear()
    })
    // Others that try, and a mode that is mended, are no news.
    expect(KeeperLock.tryTake(folder)).toBeNull()
    chmodSync(folder.keeperLock, 0o600)
    await turn()
    expect(told).toBe(0)
    change(folder.keeperLock)
    await heard
    await turn()
    expect(told).toBe(1)
    watch.close()
    lock.release()
  })
})

describe("waiting for a keeper", () => {
  it("is over at once where the lock is free, whatever a dead keeper announced", async () => {
    const folder = makeFolder()
    const dead = take(folder)
    writeKeeperFile(dead, KEEPER, systemEnv)
    dead.release()
    const found = await awaitKeeper(folder, { ignoredIncarnation: null, signal: new AbortController().signal })
    expect(found.kind).toBe("elected")
    if (found.kind === "elected") found.lock.release()
  })

  it("is over at once where a keeper has announced itself", async () => {
    const folder = makeFolder()
    const lock = take(folder)
    writeKeeperFile(lock, KEEPER, systemEnv)
    const signal = new AbortController().signal
    expect(await awaitKeeper(folder, { ignoredIncarnation: "older", signal })).toEqual({
      kind: "announced",
      keeper: KEEPER,
    })
    lock.release()
  })

  it.each(["linux", "darwin"] as const)("ends when one announces itself (as on %s)", async (platform) => {
    const folder = makeFolder(platform)
    const lock = take(folder)
    const waiting = await park(folder, null)
    writeKeeperFile(lock, KEEPER, systemEnv)
    expect(await waiting.found).toEqual({ kind: "announced", keeper: KEEPER })
    lock.release()
  })

  it("ends when the lock is released without a word", async () => {
    const folder = makeFolder()
    const lock = take(folder)
    const waiting = await park(folder, null)
    lock.release()
    const found = await waiting.found
    expect(found.kind).toBe("elected")
    if (found.kind === "elected") found.lock.release()
  })

  it("passes over the announcement it was told to ignore, damage, and other files of the folder", async () => {
    const folder = makeFolder()
    const lock = take(folder)
    writeKeeperFile(lock, KEEPER, systemEnv)
    const waiting = await park(folder, KEEPER.incarnation)
    writeKeeperFile(lock, { ...KEEPER, socket: "/run/y.sock" }, systemEnv)
    writeFileSync(folder.liveLog, "news")
    writeFileSync(folder.keeperFile, "{")
    await turn()
    expect(waiting.state()).toBe("waiting")
    writeKeeperFile(lock, { ...KEEPER, incarnation: "second" }, systemEnv)
    expect(await waiting.found).toMatchObject({ kind: "announced", keeper: { incarnation: "second" } })
    lock.release()
  })

  it("is not ended by others that try for the lock and fail", async () => {
    const folder = makeFolder()
    const lock = take(folder)
    const waiting = await park(folder, null)
    for (let count = 0; count < 100; count += 1) expect(KeeperLock.tryTake(folder)).toBeNull()
    await turn()
    expect(waiting.state()).toBe("waiting")
    lock.release()
    const found = await waiting.found
    if (found.kind === "elected") found.lock.release()
  })

  it("of many ends in one elected after another, and nobody is left behind (L6)", async () => {
    const folder = makeFolder()
    const before = countOpenFiles()
    const lock = take(folder)
    const waits = await Promise.all(Array.from({ length: 20 }, async () => await park(folder, null)))
    let held = 0
    lock.release()
    await Promise.all(
      waits.map(async ({ found }) => {
        const answer = await found
        if (answer.kind !== "elected") throw new Error("nobody announced anything")
        held += 1
        expect(held).toBe(1)
        await turn()
        held -= 1
        answer.lock.release()
      }),
    )
    await turn()
    expect(countOpenFiles()).toBe(before)
  })

  it("is ended by its caller's abort, with its reason, and leaves nothing", async () => {
    const folder = makeFolder()
    const lock = take(folder)
    const warmUp = new AbortController()
    const first = await park(folder, null, warmUp.signal)
    warmUp.abort(new Error("enough"))
    await expect(first.found).rejects.toThrow("enough")
    await turn()
    const before = countOpenFiles()
    for (let round = 0; round < 20; round += 1) {
      const controller = new AbortController()
      const waiting = await park(folder, null, controller.signal)
      controller.abort(new Error(`round ${round}`))
      await expect(waiting.found).rejects.toThrow(`round ${round}`)
    }
    await turn()
    expect(countOpenFiles()).toBe(before)
    lock.release()
    // Nobody who left takes the lock.
    await turn()
    take(folder).release()
  })

  it("aborted at any moment takes nothing with it", async () => {
    const folder = makeFolder()
    for (let moment = 0; moment < 30; moment += 1) {
      const lock = take(folder)
      const controller = new AbortController()
      const found = awaitKeeper(folder, { ignoredIncarnation: null, signal: controller.signal })
      const settled = found.then(
        (answer) => answer,
        () => null,
      )
      for (let step = 0; step < moment; step += 1) await Promise.resolve()
      lock.release()
      controller.abort()
      const answer = await settled
      if (answer?.kind === "elected") answer.lock.release()
      take(folder).release()
    }
  })

  it("misses no release and no announcement, at whatever moment it comes", async () => {
    const folder = makeFolder()
    const signal = new AbortController().signal
    for (let moment = 0; moment < 60; moment += 1) {
      const lock = take(folder)
      const waiting = awaitKeeper(folder, { ignoredIncarnation: null, signal })
      for (let step = 0; step < moment >> 1; step += 1) {
        await (moment % 2 === 0 ? Promise.resolve() : new Promise((resolve) => setImmediate(resolve)))
      }
      const isAnnounced = moment % 3 === 0
      if (isAnnounced) writeKeeperFile(lock, KEEPER, systemEnv)
      else lock.release()
      const found = await waiting
      expect(found.kind).toBe(isAnnounced ? "announced" : "elected")
      if (found.kind === "elected") found.lock.release()
      removeKeeperFile(lock)
      lock.release()
    }
  })

  it("is refused before it begins where its signal is aborted already", async () => {
    const folder = makeFolder()
    const signal = AbortSignal.abort(new Error("too late"))
    await expect(awaitKeeper(folder, { ignoredIncarnation: null, signal })).rejects.toThrow("too late")
    take(folder).release()
  })

  it("ends in a refusal where the lock file cannot be read any more, and harms nothing else", async () => {
    const folder = makeFolder("linux")
    const lock = take(folder)
    const before = new Set(openSockets())
    const waiting = await park(folder, null)
    const [lifeline, ...others] = openSockets().filter((each) => !before.has(each))
    expect(others).toEqual([])
    lifeline?.destroy(new Error("EIO"))
    await expect(waiting.found).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" })
    expect(openSockets().filter((each) => !before.has(each))).toEqual([])
    lock.release()
  })

  it("in a folder that is taken away ends in a refusal", async () => {
    const folder = makeFolder()
    const lock = take(folder)
    const waiting = await park(folder, null)
    rmSync(folder.path, { recursive: true })
    await expect(waiting.found).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" })
    lock.release()
  })
})
