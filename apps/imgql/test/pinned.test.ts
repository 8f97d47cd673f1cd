/**
 * Nothing that is listed computes on images, reads or writes them without a golden result of ITK. What ITK has no filter for is
 * listed here with why, and has rows in tables/values.ts, as all other primitives have.
 */
import { describe, expect, it } from "vitest"
import { formatSignature } from "../src/language/signature.ts"
import { PRIMITIVES } from "../src/primitives/catalog.ts"
import type { Primitive } from "../src/primitives/primitive.ts"
import { readCalls, readFileCalls } from "./golden-calls.ts"
import { primitiveOf } from "./primitive-call.ts"
import { makeFolder, makeRamp, runHere } from "./program-run.ts"
import { TABLE } from "./tables/values.ts"

const FILE_CALLS = ["simpleitk.ReadImage", "simpleitk.WriteImage"].flatMap(readFileCalls)

/** What ITK has nothing like. */
const WITHOUT_ITK: Readonly<Record<string, string>> = {
  "default.overlay": "ITK cuts where it mixes colors, and has other ones",
  "test.timewaste": "it computes on no image",
  "test.spin": "it computes on no image",
  "test.impure": "it computes on no image",
  "test.blob": "its picture is noise of its own",
  "test.shrink": "it adds up a few voxels, to be done soon",
}

describe("every primitive that computes on images", () => {
  it("has a golden result of ITK", () => {
    const pinned = new Set([...readCalls(), ...FILE_CALLS].map((call) => nameOf(primitiveOf(call))))
    const open = PRIMITIVES.filter(isAboutImages).filter((primitive) => !pinned.has(nameOf(primitive)))
    expect(open.map(shortName).toSorted()).toEqual(Object.keys(WITHOUT_ITK).toSorted())
    expect(open.filter((primitive) => TABLE[shortName(primitive)] === undefined).map(shortName)).toEqual([])
    expect(pinned.size).toBeGreaterThan(120)
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

/** What takes an image, gives one or has a kernel. */
function isAboutImages({ signature, work }: Primitive): boolean {
  const { parameters, result } = signature
  const isOnImages = result === "image" || parameters.some(({ types }) => types.includes("image"))
  // Without an image they are the same as with one, as the next test shows.
  return work.kind === "heavy" || (isOnImages && work.kind !== "based")
}

function shortName({ signature }: Primitive): string {
  return `${signature.namespace}.${signature.name}`
}

function nameOf({ signature }: Primitive): string {
  return `${signature.namespace}.${formatSignature(signature)}`
}
