/** Where and how often progress is shown. */
import { Writable } from "node:stream"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import type { Output } from "./console.ts"
import { Progress, type ProgressStyle } from "./progress.ts"
import { Tally } from "./tally.ts"

/** A stream that keeps what is written to it. */
function makeOutput(shape: { readonly isTTY: boolean; readonly columns: number }): { out: Output; text: () => string } {
  let text = ""
  const stream = new Writable({
    write(piece: Buffer, _encoding, done) {
      text += piece.toString()
      done()
    },
  })
  return { out: Object.assign(stream, shape), text: () => text }
}

function makeProgress(style: ProgressStyle, shape: { readonly isTTY: boolean; readonly columns: number }) {
  const { out, text } = makeOutput(shape)
  const progress = new Progress({ style, err: out, tally: new Tally({ now: () => Date.now(), nameOf: String }) })
  return { progress, text, out }
}

beforeEach(() => {
  vi.useFakeTimers({ now: 0 })
})

afterEach(() => {
  vi.useRealTimers()
})

describe("progress", () => {
  it("on a terminal is one line, cut to its width, out of the way of what is printed, and gone in the end", () => {
    const { progress, text, out } = makeProgress("auto", { isTTY: true, columns: 10 })
    progress.start()
    vi.advanceTimersByTime(100)
    expect(text()).toBe("  0%  0.1")
    progress.around(() => void out.write("a=1\n"))
    expect(text()).toBe("  0%  0.1\u001B[1G\u001B[2Ka=1\n")
    vi.advanceTimersByTime(100)
    progress.close()
    expect(text()).toBe("  0%  0.1\u001B[1G\u001B[2Ka=1\n  0%  0.2\u001B[1G\u001B[2K")
    vi.advanceTimersByTime(1_000)
    expect(text().endsWith("\u001B[2K")).toBe(true)
  })

  it("is drawn whole on a terminal that does not say how wide it is", () => {
    const { progress, text } = makeProgress("auto", { isTTY: true, columns: 0 })
    progress.start()
    vi.advanceTimersByTime(100)
    progress.close()
    expect(text()).toBe("  0%  0.1 s\u001B[1G\u001B[2K")
  })

  it("elsewhere is a plain line every half minute, and nothing of what is over before", () => {
    const { progress, text } = makeProgress("auto", { isTTY: false, columns: 10 })
    progress.start()
    vi.advanceTimersByTime(29_000)
    expect(text()).toBe("")
    vi.advanceTimersByTime(31_000)
    expect(text()).toBe("0%  30 s\n0%  1 min 0 s\n")
    progress.close()
    vi.advanceTimersByTime(60_000)
    expect(text().split("\n").length).toBe(3)
  })

  it("is off where nobody wants it", () => {
    const { progress, text } = makeProgress("off", { isTTY: true, columns: 10 })
    progress.start()
    vi.advanceTimersByTime(100_000)
    progress.close()
    expect(text()).toBe("")
  })
})
