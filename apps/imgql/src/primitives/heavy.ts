/** How primitives on images are made: a signature, and a kernel with its arguments put in order. */
import { type ArithmeticParameters, arithmetic, type Operation } from "../kernels/arithmetic.ts"
import type { Image } from "../image/image.ts"
import { parseSignature } from "../language/signature.ts"
import type { Kernel, NoParameters } from "../kernels/kernel.ts"
import { image, num } from "./argument.ts"
import { isImage, type Primitive, type Shortcut, type Value } from "./primitive.ts"
import { mostVoxels } from "./room.ts"

type HeavyWork = Extract<Primitive["work"], { readonly kind: "heavy" }>
type Selecting = NonNullable<HeavyWork["selection"]>
export type Compute = HeavyWork["compute"]

export function heavy(namespace: string, line: string, compute: Compute, version = 1): Primitive {
  return { signature: parseSignature(namespace, line), version, work: { kind: "heavy", compute } }
}

/** A kernel on images alone. */
export function onImages<Memory, Result extends Value>(kernel: Kernel<NoParameters, Memory, Result>): Compute {
  return async (args, { run }) => await run(kernel, args.map(image), {})
}

/** A primitive whose mask is a selection of values. */
export function selecting(primitive: Primitive, selection: Selecting): Primitive {
  const { work } = primitive
  return work.kind === "heavy" ? { ...primitive, work: { ...work, selection } } : primitive
}

/** A primitive that takes more memory than most: so many bytes, as its arguments say. */
export function sized(primitive: Primitive, roomFor: (args: readonly Value[]) => number): Primitive {
  const { work } = primitive
  return work.kind === "heavy" ? { ...primitive, work: { ...work, roomFor } } : primitive
}

/** A primitive that takes more memory than most: so many bytes a voxel, which may depend on its first image. */
export function taking(primitive: Primitive, bytesAVoxel: number | ((first: Image) => number)): Primitive {
  return sized(primitive, (args) => {
    const each = typeof bytesAVoxel === "number" ? bytesAVoxel : bytesAVoxel(image(args[0]))
    return each * mostVoxels(args)
  })
}

/** A primitive on masks that goes byte by byte. */
export function combining(primitive: Primitive, combines: HeavyWork["combines"]): Primitive {
  const { work } = primitive
  return work.kind === "heavy" && combines !== undefined ? { ...primitive, work: { ...work, combines } } : primitive
}

/** A primitive that keeps of its first image what is where the second is not 0. */
export function restricting(primitive: Primitive): Primitive {
  const { work } = primitive
  return work.kind === "heavy" ? { ...primitive, work: { ...work, isRestriction: true } } : primitive
}

/** A primitive of which selections are found without it. */
export function direct(primitive: Primitive, shortcut: Shortcut): Primitive {
  const { work } = primitive
  return work.kind === "heavy" ? { ...primitive, work: { ...work, shortcut } } : primitive
}

/** Between two images, or an image and a number at either side. */
export function arithmeticOf(operation: Operation, isDivisorCast = false): Compute {
  return async ([a, b], { run }) => {
    const parameters: ArithmeticParameters = {
      operation,
      isDivisorCast,
      left: isImage(a) ? null : num(a),
      right: isImage(b) ? null : num(b),
    }
    return await run(arithmetic, [a, b].filter(isImage), parameters)
  }
}
