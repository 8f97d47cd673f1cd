/** Stores where the disk is full, the folder is somebody else's, the clock jumps, and file handles run out. */
import { spawnSync } from "node:child_process"
import { chmodSync, chownSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { describe, expect, it, onTestFinished } from "vitest"
import { open } from "../built-package.ts"

const isRoot: boolean = process.getuid?.() === 0
const NOBODY = 65_534
/** Somebody who is neither root nor nobody. */
const STRANGER = 4_242

function makeFolder(): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "holdfast-surroundings-")))
  onTestFinished(() => {
    rmSync(folder, { recursive: true, force: true })
  })
  return folder
}

interface Surroundings {
  readonly userId?: number
  readonly env?: Readonly<Record<string, string>>
  /** Put before node. */
  readonly before?: readonly string[]
}

/** Runs a program of ./surroundings-main.ts to its end, and gives what it reports. */
function run(name: string, address: string, { userId, env = {}, before = [] }: Surroundings = {}): unknown {
  const program = fileURLToPath(new URL("./surroundings-main.ts", import.meta.url))
  const words = [...before, process.execPath, "--import", import.meta.resolve("tsx"), program, name, address]
  const { status, stdout, stderr } = spawnSync(String(words[0]), words.slice(1), {
    encoding: "utf8",
    env: { ...process.env, ...env },
    ...(userId === undefined ? {} : { uid: userId, gid: userId }),
  })
  if (status !== 0) throw new Error(`"${name}" ended with ${String(status)}: ${stderr}`)
  return JSON.parse(stdout)
}

/** Whether an ordinary user can reach these very files, which is not so in every checkout. */
function canRunAsNobody(): boolean {
  if (!isRoot) return false
  const built = fileURLToPath(new URL("../../dist/index.js", import.meta.url))
  return spawnSync(process.execPath, ["--check", built], { uid: NOBODY, gid: NOBODY }).status === 0
}

const isNobodyAble: boolean = canRunAsNobody()
if (!isNobodyAble) console.warn("skipped: other users' folders need root, and a checkout that others may read")

describe.runIf(isNobodyAble)("a folder an ordinary user cannot use", () => {
  const cases: Readonly<Record<string, { readonly prepare: (folder: string) => void; readonly says: RegExp }>> = {
    "is root's": { prepare: (folder) => chmodSync(folder, 0o755), says: /should be ours to write|owned by/ },
    "is a stranger's": {
      prepare: (folder) => chownSync(folder, STRANGER, STRANGER),
      says: /owned by uid 4242.*chown 65534/,
    },
    "is read-only": {
      prepare: (folder) => {
        chownSync(folder, NOBODY, NOBODY)
        chmodSync(folder, 0o500)
      },
      says: /check their owner and mode/,
    },
    "holds a journal of somebody else's": {
      prepare: (folder) => {
        chownSync(folder, NOBODY, NOBODY)
        writeFileSync(join(folder, "journal.db"), "root's", { mode: 0o600 })
      },
      says: /check their owner and permissions/,
    },
  }

  it.each(Object.entries(cases))(
    "since it %s is refused, and the refusal says why and what to do",
    (_why, { prepare, says }) => {
      const base = makeFolder()
      chmodSync(base, 0o755)
      const sockets = join(base, "sockets")
      mkdirSync(sockets)
      chownSync(sockets, NOBODY, NOBODY)
      const folder = join(base, "store")
      mkdirSync(folder, { mode: 0o700 })
      prepare(folder)
      const env = { TMPDIR: sockets, XDG_RUNTIME_DIR: "" }
      const report = run("tryOpening", `file:${folder}`, { userId: NOBODY, env })
      expect(report).toMatchObject({ opened: false, code: "STORE_UNAVAILABLE" })
      expect((report as { message: string }).message).toMatch(says)
      expect((report as { message: string }).message).toContain(folder)
    },
  )
})

describe("a process that has used up its file handles", () => {
  it("goes on with the store it has open, is refused another with a code, and opens it once it has handles", () => {
    const before = spawnSync("prlimit", ["--version"]).status === 0 ? ["prlimit", "--nofile=512"] : []
    const report = run("useUpHandles", `file:${join(makeFolder(), "store")}`, { before })
    expect(report).toMatchObject({
      other: { opened: false, code: "STORE_UNAVAILABLE", message: expect.stringMatching(/no file handle|EMFILE/) },
      during: 2,
      afterwards: { opened: true },
    })
  })
})

const FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"
const isFakeable: boolean = spawnSync("true", [], { env: { LD_PRELOAD: FAKETIME } }).stderr.length === 0
if (!isFakeable) console.warn("skipped: a clock that jumps needs libfaketime (scripts/setup.sh)")

describe.runIf(isFakeable)("a wall clock that jumps a day ahead or back", () => {
  it("ends no lease early and none late, and starts no delayed run (L6)", () => {
    const folder = makeFolder()
    const offset = join(folder, "offset")
    writeFileSync(offset, "+0\n")
    const env = {
      LD_PRELOAD: FAKETIME,
      FAKETIME_TIMESTAMP_FILE: offset,
      FAKETIME_NO_CACHE: "1",
      // The system's own monotonic clock does not jump either.
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
      DONT_FAKE_MONOTONIC: "1",
    }
    const report = run("moveClock", `file:${join(folder, "store")}`, { env })
    const unmoved = { longIsHeld: true, longIsFree: false, passedOn: true, delayed: "pending" }
    expect(report).toMatchObject({
      "+1d": { movedHours: 24, ...unmoved },
      "-1d": { movedHours: -24, ...unmoved },
    })
  })
})

describe.runIf(isRoot)("a disk that is full under a live store", () => {
  it("refuses writes with STORE_FULL while reads go on, and takes them again once there is space (S5)", async () => {
    const mounted = makeFolder()
    const mount = spawnSync("mount", ["-t", "tmpfs", "-o", "size=4m", "tmpfs", mounted])
    expect(mount.status).toBe(0)
    onTestFinished(() => {
      spawnSync("umount", ["-l", mounted])
    })
    const hf = await open(`file:${join(mounted, "store")}`)
    const cell = hf.cell<string>("cell")
    await cell.set("before")
    const ballast = join(mounted, "ballast")
    try {
      for (;;) writeFileSync(ballast, new Uint8Array(4096), { flag: "a" })
    } catch (error) {
      expect(error).toMatchObject({ code: "ENOSPC" })
    }
    let stored = "before"
    let refused: unknown = null
    for (let n = 0; refused === null; n += 1) {
      try {
        await cell.set(`${String(n)}${"x".repeat(20_000)}`)
        stored = `${String(n)}${"x".repeat(20_000)}`
      } catch (error) {
        refused = error
      }
    }
    expect(refused).toMatchObject({ code: "STORE_FULL", retryable: true })
    expect(await cell.get()).toBe(stored)
    rmSync(ballast)
    await cell.set("after")
    expect(await cell.get()).toBe("after")
    await hf.close()
    const again = await open(`file:${join(mounted, "store")}`)
    expect(await again.cell("cell").get()).toBe("after")
    await again.close()
  })
})
