/** Labels in order of size: 1 for the label with the most voxels, and of several as large the one with the smaller number first. */
import type { Image } from "../image/image.ts"
import type { Kernel } from "./kernel.ts"
import { CHUNK, makeImage, readDoubles, requireScalar, requireThat, writeDoubles } from "./shape.ts"

export interface RelabelParameters {
  /** Labels with fewer voxels become 0. */
  readonly minimumSize: number
  /** If not, labels keep their order, without gaps. */
  readonly isSorted: boolean
}

interface Memory {
  readonly image: Image
  readonly parameters: RelabelParameters
  readonly output: Image
}

function relabel({ image, parameters, output }: Memory): void {
  const labels = listLabels(countLabels(image), parameters)
  const chunk = new Float64Array(CHUNK)
  const { length } = image.voxels
  for (let start = 0; start < length; start += CHUNK) {
    const count = Math.min(CHUNK, length - start)
    readDoubles(image.voxels, start, start + count, chunk)
    // Neighbors mostly have the same label.
    let known = 0
    let label = 0
    for (let at = 0; at < count; at += 1) {
      const value = chunk[at]!
      if (value !== known) {
        known = value
        label = labels.get(value) ?? 0
      }
      chunk[at] = label
    }
    writeDoubles(chunk, count, output.voxels, start)
  }
}

function countLabels({ voxels }: Image): Map<number, number> {
  const counts = new Map<number, number>()
  const chunk = new Float64Array(CHUNK)
  for (let start = 0; start < voxels.length; start += CHUNK) {
    const count = Math.min(CHUNK, voxels.length - start)
    readDoubles(voxels, start, start + count, chunk)
    for (let at = 0; at < count;) {
      const value = chunk[at]!
      let end = at + 1
      while (end < count && chunk[end] === value) end += 1
      if (value !== 0) counts.set(value, (counts.get(value) ?? 0) + end - at)
      at = end
    }
  }
  return counts
}

function listLabels(counts: Map<number, number>, { minimumSize, isSorted }: RelabelParameters): Map<number, number> {
  const kept = [...counts].filter(([, count]) => count >= minimumSize)
  kept.sort(([label, count], [other, otherCount]) => (isSorted ? otherCount - count : 0) || label - other)
  return new Map(kept.map(([label], at) => [label, at + 1]))
}

/** The labels of an image in order of their sizes, in its own type. One thread does it: images of labels are looked at once. */
export const relabelComponent: Kernel<RelabelParameters, Memory, Image> = {
  name: "RelabelComponent",
  prepare: (inputs, parameters) => {
    const image = requireScalar("RelabelComponent", inputs)
    const isWhole = image.type !== "float32" && image.type !== "float64"
    requireThat(
      "RelabelComponent",
      isWhole,
      "labels that are whole numbers, as ConnectedComponent makes them",
      image.type,
    )
    return { image, parameters, output: makeImage(image, image.type) }
  },
  phases: [{ isSerial: true, run: relabel }],
  finish: ({ output }) => output,
}
