/** All primitives there are. */
import { EFFECT_PRIMITIVES } from "./effects.ts"
import type { Primitive } from "./primitive.ts"
import { SCALAR_PRIMITIVES } from "./scalars.ts"
import { SIMPLEITK_PRIMITIVES } from "./simpleitk.ts"
import { VOX1_PRIMITIVES } from "./vox1.ts"

export const PRIMITIVES: readonly Primitive[] = [
  ...SCALAR_PRIMITIVES,
  ...VOX1_PRIMITIVES,
  ...SIMPLEITK_PRIMITIVES,
  ...EFFECT_PRIMITIVES,
]
