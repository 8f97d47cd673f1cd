import { spawn } from "node:child_process"
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect, it, onTestFinished } from "vitest"
import {
  conditionOf,
  identifyProcess,
  isSameProcess,
  parseStat,
  type ProcessCondition,
  readBootId,
  readProcess,
} from "./process-identity.ts"

const REST = "S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 987654 20 21 22"

describe("a line of /proc/PID/stat", () => {
  it.each(["node", "a b", "a) b", "((", ") S 1 2 (", ") T 0 0", "new\nline", ""])(
    "is read with the name %j",
    (name) => {
      expect(parseStat(`42 (${name}) ${REST}\n`)).toEqual({ pid: 42, startTime: 987_654, state: "S" })
    },
  )

  it.each(["", "42", "42 (node", "42 (node) ", "42 (node) S 1 2", `x (node) ${REST}`, `42 (node) 7${REST}`])(
    "is none: %j",
    (line) => {
      expect(parseStat(line)).toBeNull()
    },
  )

  it("cut off before the start time is none, at any byte", () => {
    const line = `42 (no de) ${REST}`
    for (let length = 0; length < line.indexOf(" 987654"); length += 1) {
      expect(parseStat(line.slice(0, length))).toBeNull()
    }
  })
})

describe.skipIf(!existsSync("/proc/self/stat"))("a process", () => {
  it("recognizes itself", () => {
    const self = identifyProcess()
    expect(self.pid).toBe(process.pid)
    expect(self.startTime).toBeGreaterThan(0)
    expect(conditionOf(self)).toBe("running")
    expect(isSameProcess(self)).toBe(true)
  })

  it("is not another that came by its number", () => {
    const self = identifyProcess()
    expect(isSameProcess({ pid: self.pid, startTime: (self.startTime ?? 0) + 1 })).toBe(false)
    expect(isSameProcess({ pid: self.pid, startTime: null })).toBe(true)
  })

  it("that never was is gone", () => {
    expect(readProcess(2 ** 31 - 1)).toBeNull()
    expect(conditionOf({ pid: 2 ** 31 - 1, startTime: null })).toBe("gone")
  })

  it("with a name made to mislead is running, then frozen, then running, then gone", async () => {
    const folder = mkdtempSync(join(tmpdir(), "holdfast-process-"))
    const program = join(folder, "a) T 1 (b")
    copyFileSync("/bin/sleep", program)
    const child = spawn(program, ["1000"], { stdio: "ignore" })
    onTestFinished(() => {
      child.kill("SIGKILL")
      rmSync(folder, { recursive: true })
    })
    const pid = child.pid ?? -1
    await new Promise((resolve) => child.once("spawn", resolve))
    const identity = { pid, startTime: readProcess(pid)?.startTime ?? null }
    expect(readFileSync(`/proc/${pid}/stat`, "utf8")).toContain("(a) T 1 (b)")
    await until(identity, "running")
    child.kill("SIGSTOP")
    await until(identity, "frozen")
    child.kill("SIGCONT")
    await until(identity, "running")
    const exited = new Promise((resolve) => child.once("exit", resolve))
    child.kill("SIGKILL")
    await exited
    expect(conditionOf(identity)).toBe("gone")
  })

  it("runs on a system whose run since its start has a name", () => {
    expect(readBootId()).toMatch(/^[0-9a-f-]{36}$/)
    expect(readBootId()).toBe(readBootId())
  })
})

/** A signal takes effect a moment after it was sent, and no event says when: the only way to know is to look. */
async function until(identity: { pid: number; startTime: number | null }, condition: ProcessCondition): Promise<void> {
  while (conditionOf(identity) !== condition) await new Promise((resolve) => setTimeout(resolve, 1))
}
