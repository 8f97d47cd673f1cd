/** All primitives there are. */
import { ARRAY_PRIMITIVES } from "./arrays.ts"
import { EFFECT_PRIMITIVES } from "./effects.ts"
import { PICTURE_PRIMITIVES } from "./pictures.ts"
import { POINTWISE_PRIMITIVES } from "./pointwise.ts"
import type { Primitive } from "./primitive.ts"
import { REGION_PRIMITIVES } from "./regions.ts"
import { SCALAR_PRIMITIVES } from "./scalars.ts"
import { SIMPLEITK_PRIMITIVES } from "./simpleitk.ts"
import { SURFACE_PRIMITIVES } from "./surfaces.ts"
import { TRIAL_PRIMITIVES } from "./trials.ts"
import { VOX1_PRIMITIVES } from "./vox1.ts"

export const PRIMITIVES: readonly Primitive[] = [
  ...SCALAR_PRIMITIVES,
  ...VOX1_PRIMITIVES,
  ...SURFACE_PRIMITIVES,
  ...REGION_PRIMITIVES,
  ...SIMPLEITK_PRIMITIVES,
  ...POINTWISE_PRIMITIVES,
  ...ARRAY_PRIMITIVES,
  ...PICTURE_PRIMITIVES,
  ...TRIAL_PRIMITIVES,
  ...EFFECT_PRIMITIVES,
]
