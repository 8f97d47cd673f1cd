import { spawnSync } from "node:child_process"
import { chmodSync, chownSync, lstatSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect, it, onTestFinished } from "vitest"
import { systemEnv } from "../../../env/index.ts"
import { type Folder, openFolder, readSurroundings, resolvePath, type Surroundings } from "./folder.ts"

const NOBODY = 65_534

function makeTemporaryFolder(): string {
  const path = mkdtempSync(join(tmpdir(), "holdfast-folder-"))
  onTestFinished(() => {
    rmSync(path, { recursive: true, force: true })
  })
  return path
}

function open(address: string, changed: Partial<Surroundings> = {}): Folder {
  return openFolder(address, systemEnv, { ...readSurroundings(), ...changed })
}

function refusalOf(address: string, changed: Partial<Surroundings> = {}): string {
  try {
    open(address, changed)
  } catch (error) {
    expect(error).toMatchObject({ code: "STORE_UNAVAILABLE" })
    return (error as Error).message // Checked by its code.
  }
  throw new Error("expected a refusal")
}

describe("a store's address", () => {
  it.each([
    ["file:/srv/a", "/srv/a"],
    ["/srv/a", "/srv/a"],
    ["file:///srv/a%20b", "/srv/a b"],
    ["file:/srv/a%20b", "/srv/a%20b"],
    ["file:work", join(process.cwd(), "work")],
    ["file:./work/../other", join(process.cwd(), "other")],
  ])("names a folder: %s", (address, path) => {
    expect(resolvePath(address)).toBe(path)
  })

  it.each(["", "file:", "file:a\0b", "file://elsewhere/srv", "file:///a%2fb"])("names none: %j", (address) => {
    expect(() => resolvePath(address)).toThrow(expect.objectContaining({ code: "ARGUMENT_INVALID" }))
  })
})

describe("a folder", () => {
  it("is made with everything above it, and is closed to others itself", () => {
    const parent = makeTemporaryFolder()
    const folder = open(`file:${parent}/a/b/store`)
    expect(lstatSync(folder.path).mode & 0o777).toBe(0o700)
    expect(lstatSync(folder.blobs).mode & 0o777).toBe(0o700)
    expect(lstatSync(folder.clientsLock).mode & 0o777).toBe(0o600)
    expect(lstatSync(folder.keeperLock).mode & 0o777).toBe(0o600)
    expect(lstatSync(folder.keeperLock).isFIFO()).toBe(process.platform === "linux")
  })

  it("opened again, also through a link, is the same and keeps its files", () => {
    const parent = makeTemporaryFolder()
    const folder = open(join(parent, "store"))
    const lockInode = lstatSync(folder.keeperLock).ino
    symlinkSync(folder.path, join(parent, "link"))
    expect(open(join(parent, "link"))).toEqual(folder)
    expect(lstatSync(folder.keeperLock).ino).toBe(lockInode)
  })

  it("made anew under the same name is another", () => {
    const parent = makeTemporaryFolder()
    const first = open(join(parent, "store"))
    rmSync(first.path, { recursive: true })
    // Something takes the inode that came free.
    mkdirSync(join(parent, "other"))
    expect(open(join(parent, "store")).id).not.toBe(first.id)
  })

  it("is refused where it is a file, or lies under one", () => {
    const path = join(makeTemporaryFolder(), "file")
    writeFileSync(path, "")
    expect(refusalOf(path)).toContain("no folder")
    expect(refusalOf(join(path, "store"))).toContain("no folder")
  })

  it.each([0o777, 0o1777, 0o720, 0o702])("is refused when others may write to it: mode %o", (mode) => {
    const path = makeTemporaryFolder()
    chmodSync(path, mode)
    expect(refusalOf(path)).toMatch(/mode is 0\d+; close it to others: chmod go-w/)
  })

  it("that others may read is taken: what lies in it is closed to them", () => {
    const path = makeTemporaryFolder()
    chmodSync(path, 0o755)
    expect(lstatSync(open(path).clientsLock).mode & 0o077).toBe(0)
  })

  it("is refused when another user owns it, who is named", () => {
    const path = makeTemporaryFolder()
    // Only root can give a folder away; for everybody else, somebody else does the asking.
    if (process.getuid?.() === 0) chownSync(path, NOBODY, NOBODY)
    const owner = lstatSync(path).uid
    const message = refusalOf(path, { userId: owner + 1 })
    expect(message).toContain(`owned by uid ${owner}`)
    expect(message).toContain(`chown ${owner + 1}`)
  })

  it("of root's is refused to a process without its rights", () => {
    const path = makeTemporaryFolder()
    chmodSync(path, 0o755)
    const script = `
      import { openFolder } from ${JSON.stringify(new URL("folder.ts", import.meta.url).href)}
      import { systemEnv } from ${JSON.stringify(new URL("../../../env/index.ts", import.meta.url).href)}
      if (process.getuid() === 0) { process.setgid(${NOBODY}); process.setuid(${NOBODY}) }
      try { openFolder(process.argv[1], systemEnv); console.log("opened") }
      catch (error) { console.log(error.code, error.cause.code, process.getuid()) }`
    const args = ["--import", "tsx", "--input-type=module", "--eval", script, path]
    const { stdout } = spawnSync(process.execPath, args, { encoding: "utf8" })
    // Without root there is nobody to take rights from, and the folder is simply ours.
    expect(stdout.trim()).toBe(process.getuid?.() === 0 ? `STORE_UNAVAILABLE EACCES ${NOBODY}` : "opened")
  })

  it.each(["nfs4", "cifs", "9p", "fuse.sshfs"])("is refused on a filesystem other machines reach: %s", (kind) => {
    const path = makeTemporaryFolder()
    const message = refusalOf(path, { mountinfo: `30 27 0:30 / ${path} rw - ${kind} somewhere rw` })
    expect(message).toContain(`"${path}" is "${kind}"`)
  })

  it("is taken on any other filesystem, and where none is known", () => {
    const path = makeTemporaryFolder()
    expect(open(path, { mountinfo: `30 27 0:30 / ${path} rw - unheard-of x rw` }).path).toBe(path)
    expect(open(path, { mountinfo: null }).path).toBe(path)
  })

  it("whose path is too long for SQLite is refused in so many words, and one that is not is taken", () => {
    const parent = makeTemporaryFolder()
    const limit = 511 - "/import-0123456789012345678901/journal.db.new-journal".length
    const path = (length: number): string => {
      const middle = join(parent, "a".repeat(200))
      return join(middle, "b".repeat(length - middle.length - 1))
    }
    expect(open(path(limit)).path).toHaveLength(limit)
    expect(refusalOf(path(limit + 1))).toContain(`at most ${limit} bytes`)
  })

  it("is refused on a system nobody has tried", () => {
    expect(refusalOf("file:./work", { platform: "win32" })).toContain(`this is "win32"`)
  })

  it("where bytes cannot be locked is taken with a plain lock file", () => {
    const folder = open(makeTemporaryFolder(), { platform: "darwin" })
    expect(lstatSync(folder.keeperLock).isFile()).toBe(true)
    expect(folder.hasRangeLocks).toBe(false)
  })

  it("with a link in place of a lock file is refused", () => {
    const path = makeTemporaryFolder()
    symlinkSync(join(path, "elsewhere"), join(path, "clients.lock"))
    expect(refusalOf(path)).toContain("check their owner and mode")
  })

  it("with something else in place of the keeper's lock file is refused", () => {
    const path = makeTemporaryFolder()
    mkdirSync(join(path, "keeper.lock"))
    expect(refusalOf(path)).toContain("check their owner and mode")
  })
})
