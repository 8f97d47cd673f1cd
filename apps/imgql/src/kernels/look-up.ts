/** Images by a look at a table: what voxels of each value become. Each type has its loop, which knows of no other type. */
import type { Share } from "./kernel.ts"

export function lookUpBytes(voxels: Uint8Array, table: Uint8Array, output: Uint8Array, { from, to }: Share): void {
  for (let at = from; at < to; at += 1) output[at] = table[voxels[at]!]!
}

/** To numbers of sixteen bits. */
export function lookUpWide(voxels: Uint8Array, table: Uint16Array, output: Uint16Array, { from, to }: Share): void {
  for (let at = from; at < to; at += 1) output[at] = table[voxels[at]!]!
}

export function lookUpShorts(voxels: Uint16Array, table: Uint8Array, output: Uint8Array, { from, to }: Share): void {
  for (let at = from; at < to; at += 1) output[at] = table[voxels[at]!]!
}
