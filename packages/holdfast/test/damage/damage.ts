/** Damage as disks do it: a bit, some bytes, a sector, or all from somewhere on. */
import { readFileSync, writeFileSync } from "node:fs"

export interface Damage {
  readonly what: string
  /** The first byte that is another, or is gone. */
  readonly at: number
  readonly isCut: boolean
}

/** Damages a file at a place of chance, and says how. */
export function damage(path: string, random: (limit: number) => number): Damage {
  const bytes = readFileSync(path)
  const at = random(bytes.length)
  switch (random(4)) {
    case 0: {
      bytes[at] = Number(bytes[at]) ^ (1 << random(8))
      writeFileSync(path, bytes)
      return { what: `one bit of byte ${String(at)} flipped`, at, isCut: false }
    }
    case 1: {
      const end = Math.min(bytes.length, at + 16)
      for (let index = at; index < end; index += 1) bytes[index] = random(256)
      writeFileSync(path, bytes)
      return { what: `16 bytes from ${String(at)} changed`, at, isCut: false }
    }
    case 2: {
      const sector = at - (at % 512)
      bytes.fill(0, sector, Math.min(bytes.length, sector + 512))
      writeFileSync(path, bytes)
      return { what: `the sector at ${String(sector)} zeroed`, at: sector, isCut: false }
    }
    default:
      writeFileSync(path, bytes.subarray(0, at))
      return { what: `cut off after ${String(at)} of ${String(bytes.length)} bytes`, at, isCut: true }
  }
}
