/** Primitives that touch what is outside of the program: done once a run. */
import { listFolder } from "../files/listing.ts"
import { loadValue } from "../files/load.ts"
import { isTrue, text } from "./argument.ts"
import { effect } from "./define.ts"
import type { Primitive } from "./primitive.ts"

export const EFFECT_PRIMITIVES: readonly Primitive[] = [
  effect("default", "print_primitive(message: string, value: any): any", ([message, value = null], { print, show }) => {
    print(`${text(message)}=${show(value)}`)
    return value
  }),
  // What they give is what is there in this run, and so part of what is computed from it.
  effect(
    "default",
    'dir(root: string, glob: string = "*", recursive: boolean = false, full: boolean = false): sequence',
    async ([root, glob, isRecursive, isFull], { reach, signal }) =>
      await listFolder(text(root), {
        pattern: text(glob),
        isRecursive: isTrue(isRecursive),
        isFull: isTrue(isFull),
        reach,
        signal,
      }),
  ),
  effect(
    "default",
    "load(path: string): any",
    async ([path], { reach, signal }) => await loadValue(text(path), { reach, signal }),
  ),
]
