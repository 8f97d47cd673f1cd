/**
 * Nothing that is listed computes on images without saying what it comes to: in goldens/, or, where ITK has no such filter, in a
 * row of tables/values.ts, which has those of all other primitives too.
 */
import { describe, expect, it } from "vitest"
import { formatSignature } from "../src/language/signature.ts"
import { PRIMITIVES } from "../src/primitives/catalog.ts"
import type { Primitive } from "../src/primitives/primitive.ts"
import { readCalls } from "./golden-calls.ts"
import { primitiveOf } from "./primitive-call.ts"
import { makeFolder, makeRamp, runHere } from "./program-run.ts"
import { TABLE } from "./tables/values.ts"

describe("every primitive that computes on images", () => {
  it("has a golden result of ITK, or a row of values derived by hand", () => {
    const pinned = new Set(readCalls().map((call) => nameOf(primitiveOf(call))))
    const computing = PRIMITIVES.filter(({ work }) => work.kind === "heavy")
    const open = computing.filter((primitive) => !pinned.has(nameOf(primitive)) && !isTabled(primitive))
    expect(open.map(nameOf)).toEqual([])
    expect(pinned.size).toBeGreaterThan(70)
  })

  it("that takes the program's image where none is named is the same as with that image", async () => {
    const folder = await makeFolder(makeRamp([5, 4, 3]))
    const calls = PRIMITIVES.filter(({ work }) => work.kind === "based").map(({ signature }) => {
      const args = signature.parameters.map(({ types }) => (types.includes("boolean") ? "true" : "2.5"))
      return { name: signature.name, args }
    })
    const goals = calls.flatMap(({ name, args }, at) => [
      `print "${at}" ${name}(${args.join(", ")})`,
      `print "${at}" ${name}(${[...args, "img"].join(", ")})`,
    ])
    const head = 'import "vox1" import "simpleitk" let img = ReadImage("head.nii.gz") print "img" img'
    const { lines, failures } = await runHere(folder, [head, ...goals].join("\n"))
    expect(failures).toEqual([])
    const [, ...shown] = lines
    expect(shown).toHaveLength(2 * calls.length)
    for (const at of calls.keys()) expect(shown[2 * at]).toBe(shown[2 * at + 1])
    expect(calls.length).toBeGreaterThan(5)
  })
})

function isTabled({ signature }: Primitive): boolean {
  return TABLE[`${signature.namespace}.${signature.name}`] !== undefined
}

function nameOf({ signature }: Primitive): string {
  return `${signature.namespace}.${formatSignature(signature)}`
}
