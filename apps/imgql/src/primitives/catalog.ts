/** All primitives there are. */
import { EFFECT_PRIMITIVES } from "./effects.ts"
import { IMAGE_PRIMITIVES } from "./images.ts"
import type { Primitive } from "./primitive.ts"
import { SCALAR_PRIMITIVES } from "./scalars.ts"

export const PRIMITIVES: readonly Primitive[] = [...SCALAR_PRIMITIVES, ...IMAGE_PRIMITIVES, ...EFFECT_PRIMITIVES]
