import { chmodSync, existsSync, lstatSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { describe, expect, it, onTestFinished } from "vitest"
import { systemEnv } from "../../../env/index.ts"
import { readSocketPlaces, removeStaleSockets, socketAddress, type SocketPlaces } from "./address.ts"
import { KeeperLock } from "./election.ts"
import { type Folder, openFolder } from "./folder.ts"

interface World {
  readonly folder: Folder
  readonly root: string
  readonly places: SocketPlaces
}

function makeWorld(): World {
  const root = mkdtempSync(join(tmpdir(), "hf-"))
  onTestFinished(() => {
    rmSync(root, { recursive: true, force: true })
  })
  const places = { ...readSocketPlaces(), runtimeFolder: null, temporaryFolder: root }
  return { root, places, folder: openFolder(join(root, "store"), systemEnv) }
}

function address(world: World, incarnation: string, places: Partial<SocketPlaces> = {}): string {
  return socketAddress(world.folder, incarnation, systemEnv, { ...world.places, ...places })
}

describe("a keeper's socket", () => {
  it("is in a folder of the user's own, made for it, and is another for each keeper and each store", () => {
    const world = makeWorld()
    const first = address(world, "one")
    expect(dirname(first)).toBe(join(world.root, `holdfast-${process.getuid?.()}`))
    expect(lstatSync(dirname(first)).mode & 0o777).toBe(0o700)
    const other = { ...world, folder: openFolder(join(world.root, "other"), systemEnv) }
    expect(new Set([first, address(world, "two"), address(other, "one")]).size).toBe(3)
    expect(address(world, "one")).toBe(first)
  })

  it("can be listened at", async () => {
    const server = createServer()
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject)
      server.listen(address(makeWorld(), "one"), resolve)
    })
    await new Promise((resolve) => server.close(resolve))
  })

  it("is in the runtime folder where that is an absolute path to a folder", () => {
    const world = makeWorld()
    const runtimeFolder = join(world.root, "run")
    mkdirSync(runtimeFolder)
    expect(address(world, "one", { runtimeFolder }).startsWith(`${runtimeFolder}/holdfast-`)).toBe(true)
    for (const unusable of ["run", "", join(world.root, "gone")]) {
      expect(address(world, "one", { runtimeFolder: unusable }).startsWith(`${world.root}/holdfast-`)).toBe(true)
    }
  })

  it("is refused where its path would be cut, with both lengths", () => {
    const world = makeWorld()
    const fixed = Buffer.byteLength(address(world, "one")) - Buffer.byteLength(world.root)
    for (const [platform, limitBytes] of [["linux", 107] as const, ["darwin", 103] as const]) {
      const longest = fill(world.root, limitBytes - fixed)
      mkdirSync(longest, { recursive: true })
      expect(Buffer.byteLength(address(world, "one", { platform, temporaryFolder: longest }))).toBe(limitBytes)
      const tooLong = fill(world.root, limitBytes - fixed + 1)
      mkdirSync(tooLong, { recursive: true })
      expect(() => address(world, "one", { platform, temporaryFolder: tooLong })).toThrow(
        expect.objectContaining({
          code: "STORE_UNAVAILABLE",
          message: expect.stringMatching(new RegExp(`at most ${limitBytes} bytes.* has ${limitBytes + 1};`)),
        }),
      )
      expect(existsSync(join(tooLong, `holdfast-${process.getuid?.()}`))).toBe(false)
    }
  })

  it("is refused in a folder that is a link, even to one of our own", () => {
    const world = makeWorld()
    mkdirSync(join(world.root, "target"), { mode: 0o700 })
    symlinkSync(join(world.root, "target"), join(world.root, `holdfast-${process.getuid?.()}`))
    expect(() => address(world, "one")).toThrow(/is a link or no folder/)
  })

  it("is refused in a folder that others may enter, or that is somebody else's, or is a file", () => {
    const world = makeWorld()
    const sockets = dirname(address(world, "one"))
    chmodSync(sockets, 0o755)
    expect(() => address(world, "one")).toThrow(/has mode 0755; remove it/)
    const stranger = 1 + (process.getuid?.() ?? 0)
    mkdirSync(join(world.root, `holdfast-${stranger}`), { mode: 0o700 })
    expect(() => address(world, "one", { userId: stranger })).toThrow(/is owned by uid/)
    rmSync(sockets, { recursive: true })
    writeFileSync(sockets, "")
    expect(() => address(world, "one")).toThrow(/no folder at all/)
  })

  it("is refused where there is no place to make a folder", () => {
    const world = makeWorld()
    expect(() => address(world, "one", { temporaryFolder: join(world.root, "gone") })).toThrow(
      expect.objectContaining({ code: "STORE_UNAVAILABLE" }),
    )
  })
})

describe("stale sockets", () => {
  it("of the same store are removed by the elected keeper, all but its own, and nobody else's", () => {
    const world = makeWorld()
    const other = { ...world, folder: openFolder(join(world.root, "other"), systemEnv) }
    const [stale, current, strangers] = [address(world, "old"), address(world, "new"), address(other, "old")]
    const unrelated = join(dirname(stale), `${world.folder.id}-note.txt`)
    for (const path of [stale, current, strangers, unrelated]) writeFileSync(path, "")
    const lock = KeeperLock.tryTake(world.folder)
    if (lock === null) throw new Error("the lock should be free")
    removeStaleSockets(lock, current, world.places)
    expect([stale, current, strangers, unrelated].map((path) => existsSync(path))).toEqual([false, true, true, true])
    lock.release()
    removeStaleSockets(lock, null, world.places)
    expect(existsSync(current)).toBe(true)
  })
})

/** A folder below `root` whose path has exactly so many bytes. */
function fill(root: string, lengthBytes: number): string {
  return join(root, "x".repeat(lengthBytes - Buffer.byteLength(root) - 1))
}
