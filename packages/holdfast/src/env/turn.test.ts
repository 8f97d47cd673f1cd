import { execFileSync } from "node:child_process"
import { describe, expect, it, vi } from "vitest"
import { nextTurn } from "./turn.ts"

describe("a turn of the event loop", () => {
  it("lets a chain of microtasks and ticks of any length settle", async () => {
    let links = 0
    function link(): void {
      if (links === 1_000) return
      links += 1
      if (links % 3 === 0) process.nextTick(link)
      else void Promise.resolve().then(link)
    }
    link()
    await nextTurn()
    expect(links).toBe(1_000)
  })

  it("answers everybody who waits, and later ones again", async () => {
    const turns: string[] = []
    async function wait(name: string): Promise<void> {
      await nextTurn()
      turns.push(`${name} 1`)
      await nextTurn()
      turns.push(`${name} 2`)
    }
    await Promise.all([wait("a"), wait("b")])
    expect(turns).toEqual(["a 1", "b 1", "a 2", "b 2"])
  })

  it("goes on under fake timers", async () => {
    vi.useFakeTimers()
    try {
      await nextTurn()
    } finally {
      vi.useRealTimers()
    }
    expect(vi.isFakeTimers()).toBe(false)
  })

  it("keeps the process alive while somebody waits, and no longer", () => {
    const script = `
      import { nextTurn } from ${JSON.stringify(new URL("./turn.ts", import.meta.url).href)}
      nextTurn().then(() => nextTurn()).then(() => process.stdout.write("answered"))
    `
    // A port left open would run into the timeout; one never held would let the process end before the answer.
    const output = execFileSync(
      process.execPath,
      ["--import", import.meta.resolve("tsx"), "--input-type=module", "--eval", script],
      { encoding: "utf8", timeout: 20_000 },
    )
    expect(output).toBe("answered")
  })
})
