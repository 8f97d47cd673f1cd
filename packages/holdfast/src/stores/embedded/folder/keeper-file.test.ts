import { existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { spawnSync } from "node:child_process"
import { tmpdir } from "node:os"
import { join } from "node:path"
import fc from "fast-check"
import { describe, expect, it, onTestFinished } from "vitest"
import { systemEnv } from "../../../env/index.ts"
import { KeeperLock } from "./election.ts"
import { type Folder, openFolder } from "./folder.ts"
import { type KeeperFile, parseKeeperFile, readKeeperFile, removeKeeperFile, writeKeeperFile } from "./keeper-file.ts"

const KEEPER: KeeperFile = {
  protocol: 1,
  socket: "/run/user/1000/holdfast-1000/0123456789abcdef-0123456789abcdef.sock",
  instance: "the store",
  incarnation: "the first keeper",
  pid: 4_711,
  startTime: 123_456,
  build: "0.1.0",
  bootId: "7d8b8a3e-0a3f-4b0e-9c55-0d9a0f1f7d11",
}

function makeFolder(): Folder {
  const path = mkdtempSync(join(tmpdir(), "holdfast-keeper-file-"))
  onTestFinished(() => {
    rmSync(path, { recursive: true, force: true })
  })
  return openFolder(path, systemEnv)
}

function take(folder: Folder): KeeperLock {
  const lock = KeeperLock.tryTake(folder)
  if (lock === null) throw new Error("the lock should be free")
  return lock
}

function encode(value: unknown): Uint8Array {
  return new TextEncoder().encode(typeof value === "string" ? value : JSON.stringify(value))
}

describe("the keeper's announcement", () => {
  it("is read as it was written, closed to others, and replaced in one step", () => {
    const folder = makeFolder()
    expect(readKeeperFile(folder)).toEqual({ kind: "absent" })
    const lock = take(folder)
    writeKeeperFile(lock, KEEPER, systemEnv)
    expect(readKeeperFile(folder)).toEqual({ kind: "announced", keeper: KEEPER })
    expect(lstatSync(folder.keeperFile).mode & 0o777).toBe(0o600)
    const next = { ...KEEPER, incarnation: "the second keeper", startTime: null, bootId: null }
    writeKeeperFile(lock, next, systemEnv)
    expect(readKeeperFile(folder)).toEqual({ kind: "announced", keeper: next })
    lock.release()
  })

  it("is taken back by the keeper that holds the lock, and by nobody who has lost it", () => {
    const folder = makeFolder()
    const first = take(folder)
    writeKeeperFile(first, KEEPER, systemEnv)
    first.release()
    const second = take(folder)
    writeKeeperFile(second, { ...KEEPER, incarnation: "the second keeper" }, systemEnv)
    removeKeeperFile(first)
    expect(readKeeperFile(folder).kind).toBe("announced")
    removeKeeperFile(second)
    removeKeeperFile(second)
    expect(readKeeperFile(folder)).toEqual({ kind: "absent" })
    second.release()
  })

  it("leaves nothing of a keeper that died while it wrote", () => {
    const folder = makeFolder()
    writeFileSync(`${folder.keeperFile}.left`, "{")
    const lock = take(folder)
    writeKeeperFile(lock, KEEPER, systemEnv)
    expect(readdirSync(folder.path).filter((name) => name.startsWith("keeper.json."))).toEqual([])
    lock.release()
  })

  it("of a newer build, with fields unknown here, is read", () => {
    expect(parseKeeperFile(encode({ ...KEEPER, color: "blue" }))).toEqual({ kind: "announced", keeper: KEEPER })
  })

  it("cut off at any byte is damaged", () => {
    const bytes = encode(KEEPER)
    for (let length = 0; length < bytes.length; length += 1) {
      expect(parseKeeperFile(bytes.subarray(0, length)).kind).toBe("damaged")
    }
  })

  it("with any byte changed is damaged, or says something well formed", () => {
    const bytes = encode(KEEPER)
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(255), (at, byte) => {
        const changed = bytes.slice()
        changed[at] = byte
        const notice = parseKeeperFile(changed)
        if (notice.kind !== "announced") return notice.kind === "damaged"
        return notice.keeper.socket.startsWith("/") && notice.keeper.pid >= 1 && notice.keeper.protocol >= 1
      }),
    )
  })

  it("made of garbage is damaged", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => parseKeeperFile(bytes).kind === "damaged"))
  })

  const WRONG_FIELDS: readonly (readonly [string, readonly unknown[]])[] = [
    ["protocol", [0, -1, 1.5, "1", null, undefined, 1e300]],
    ["socket", ["", "relative.sock", 7, null, undefined, "/a\0b", `/${"x".repeat(300)}`]],
    ["instance", ["", 7, null, undefined, "x".repeat(300)]],
    ["incarnation", ["", 7, null, undefined]],
    ["pid", [0, -1, "1", null, undefined]],
    ["startTime", [0, -1, "1", undefined]],
    ["build", ["", 7, null, undefined]],
    ["bootId", ["", 7, undefined]],
  ]
  it.each(WRONG_FIELDS)("with a wrong %s is damaged, and says so", (field, values) => {
    for (const value of values) {
      const notice = parseKeeperFile(encode({ ...KEEPER, [field]: value }))
      expect(notice).toEqual({ kind: "damaged", reason: expect.stringContaining(`"${field}"`) })
    }
  })

  it.each(["null", "[]", "7", '"text"', "{}", '{"__proto__":{}}'])("that is %s is damaged", (text) => {
    expect(parseKeeperFile(encode(text)).kind).toBe("damaged")
  })

  it("is damaged where it is too large, a link, a folder or a pipe, and reading it never waits", () => {
    const folder = makeFolder()
    writeFileSync(folder.keeperFile, JSON.stringify({ ...KEEPER, padding: "x".repeat(5_000) }))
    expect(readKeeperFile(folder)).toEqual({ kind: "damaged", reason: "it is larger than 4096 bytes" })
    rmSync(folder.keeperFile)
    symlinkSync("/etc/hostname", folder.keeperFile)
    expect(readKeeperFile(folder).kind).toBe("damaged")
    rmSync(folder.keeperFile)
    mkdirSync(folder.keeperFile)
    expect(readKeeperFile(folder)).toEqual({ kind: "damaged", reason: "it is no file" })
    rmSync(folder.keeperFile, { recursive: true })
    spawnSync("mkfifo", [folder.keeperFile])
    expect(readKeeperFile(folder).kind).toBe(existsSync(folder.keeperFile) ? "damaged" : "absent")
  })
})
