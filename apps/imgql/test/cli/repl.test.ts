/** `imgql repl` as a real process, its lines piped in. */
import { describe, expect, it } from "vitest"
import { makeFolder, makeRamp } from "../program-run.ts"
import { imgql, start, write } from "./world.ts"

async function type(folder: string, ...lines: readonly string[]): ReturnType<typeof imgql> {
  const { child, ended } = start(folder, "repl")
  child.stdin.end(`${lines.join("\n")}\n`)
  return await ended
}

describe("imgql repl", () => {
  it("keeps definitions and shows what expressions come to", async () => {
    const folder = await makeFolder(makeRamp([12, 10, 8]))
    const { code, lines, err } = await type(
      folder,
      "let double(x) = x * 2",
      "double(21)",
      "let double(x) = x + 1",
      "double(",
      "  1)",
      'import "simpleitk"',
      'let img = ReadImage("head.nii.gz")',
      "[max(img), img >. 3]",
      'print "named" 1',
      ":show",
    )
    expect({ code, err }).toEqual({ code: 0, err: "" })
    expect(lines.slice(0, 2)).toEqual(["42", "2"])
    expect(lines[2]).toMatch(/^\[20, Image\(12x10x8 uint8, spacing 1, [0-9a-f]{8}\)\]$/)
    expect(lines[3]).toBe("named=1")
    expect(lines.slice(4)).toEqual([
      "let double(x) = x * 2",
      "let double(x) = x + 1",
      'import "simpleitk"',
      'let img = ReadImage("head.nii.gz")',
    ])
  })

  it("tells mistakes with a caret, keeps nothing of them, goes on, and ends with 1", async () => {
    const folder = await makeFolder()
    const { code, lines, err } = await type(
      folder,
      "let x = 2",
      "let x = 3 + yy",
      "x",
      "[1][4]",
      "1 / (",
      "",
      ":lod",
      "x + 1",
    )
    expect(code).toBe(1)
    expect(lines).toEqual(["2", "3"])
    expect(err).toContain("input/2:1:13: error:")
    expect(err).toContain("let x = 3 + yy\n            ^~\n")
    expect(err).toContain("input/4:1:1: error: expected an index below 1")
    expect(err).toContain("no whole expression")
    expect(err).toContain("did you mean :load?")
  })

  it("loads what a file defines, runs a file by itself, and forgets", async () => {
    const folder = await makeFolder()
    write(folder, "lib.imgql", `let three = 3\nprint "never" 1`)
    write(folder, "run.imgql", `let three = 4\nprint "ran" three`)
    const { code, lines, err } = await type(
      folder,
      ":load lib.imgql",
      "three",
      ":run run.imgql",
      "three",
      ":reset",
      "three",
    )
    expect(code).toBe(1)
    expect(lines[0]).toBe("3")
    expect(lines[1]).toBe("ran=4")
    expect(lines[2]).toMatch(/^1 goal: 0 operations ran/)
    expect(lines.slice(3)).toEqual(["3"])
    expect(err).toContain("[E_UNBOUND_IDENTIFIER]")
    expect(err).not.toContain("never")
    const quit = await type(folder, ":help", ":quit", "1")
    expect(quit.code).toBe(0)
    expect(quit.out).toContain(":load FILE")
    expect(quit.lines.at(-1)).not.toBe("1")
  })
})
