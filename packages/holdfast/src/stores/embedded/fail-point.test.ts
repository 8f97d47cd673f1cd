import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect, it, onTestFinished } from "vitest"
import { nextTurn } from "../../env/turn.ts"
import { decodeFailHit, encodeFailOrder, type FailOrder, reach } from "./fail-point.ts"
import { parseStat } from "./folder/process-identity.ts"

/** Passes two points in turn without end, and says how far it is. */
const PROGRAM = `
  import { writeSync } from "node:fs"
  const { reach } = await import(${JSON.stringify(new URL("fail-point.ts", import.meta.url).href)})
  for (let round = 1; ; round++) {
    reach("before-apply")
    writeSync(1, "a")
    reach("after-apply")
    writeSync(1, "b")
  }
`

function run(order: FailOrder): { readonly child: ChildProcess; readonly control: string } {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-fail-point-"))
  const control = join(folder, "control")
  writeFileSync(control, encodeFailOrder(order))
  const child = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "--eval", PROGRAM], {
    env: { ...process.env, HOLDFAST_FAIL_POINTS: control },
    stdio: ["ignore", "pipe", "inherit"],
  })
  onTestFinished(() => {
    child.kill("SIGKILL")
    rmSync(folder, { recursive: true })
  })
  return { child, control }
}

async function said(child: ChildProcess): Promise<string> {
  let text = ""
  for await (const chunk of child.stdout ?? []) text += String(chunk)
  return text
}

function isStopped(child: ChildProcess): boolean {
  return parseStat(readFileSync(`/proc/${String(child.pid)}/stat`, "utf8"))?.state === "T"
}

describe("a fail point", () => {
  it("kills its process in place, at the time that was asked for, and leaves a record", async () => {
    const { child, control } = run({ id: 7, point: "after-apply", countdown: 3, signal: "SIGKILL" })
    const ended = once(child, "exit")
    expect(await said(child)).toBe("ababa")
    await ended
    expect(child.signalCode).toBe("SIGKILL")
    expect(decodeFailHit(readFileSync(control, "utf8"))).toEqual({ point: "after-apply", at: expect.any(Number) })
  })

  it("stops its process in place, which goes on from there", async () => {
    const { child } = run({ id: 1, point: "before-apply", countdown: 2, signal: "SIGSTOP" })
    let text = ""
    child.stdout?.on("data", (chunk: Buffer) => {
      text += chunk.toString()
    })
    while (!isStopped(child) || text.length < 2) await nextTurn()
    expect(text).toBe("ab")
    child.kill("SIGCONT")
    while (text.length < 100) await once(child.stdout ?? child, "data")
    expect(text.startsWith("ababab")).toBe(true)
  })

  it("does nothing where nobody asked for it", () => {
    expect(() => {
      reach("before-apply")
    }).not.toThrow()
  })
})
