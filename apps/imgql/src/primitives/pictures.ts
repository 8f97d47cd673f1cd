/**
 * Pictures: namespace `geom`, pictures from nothing and shapes on them, places and lengths in voxels; and masks laid over
 * images.
 */
import { blank, circle, regularPolygon } from "../kernels/drawing.ts"
import { overlay } from "../kernels/overlay.ts"
import { image, num, whole } from "./argument.ts"
import { heavy, onImages, sized } from "./heavy.ts"
import type { Primitive } from "./primitive.ts"

export const PICTURE_PRIMITIVES: readonly Primitive[] = [
  sized(
    heavy(
      "geom",
      "blank(width: number, height: number, value: number = 0): image",
      async ([width, height, value], { run }) =>
        await run(blank, [], { width: whole(width), height: whole(height), value: num(value) }),
    ),
    ([width, height]) => 4 * num(width) * num(height),
  ),
  heavy(
    "geom",
    "circle(image: image, x: number, y: number, radius: number, value: number): image",
    async ([of, x, y, radius, value], { run }) =>
      await run(circle, [image(of)], { x: num(x), y: num(y), radius: num(radius), value: num(value) }),
  ),
  heavy(
    "geom",
    "regular_polygon(image: image, x: number, y: number, radius: number, sides: number, value: number): image",
    async ([of, x, y, radius, sides, value], { run }) =>
      await run(regularPolygon, [image(of)], {
        x: num(x),
        y: num(y),
        radius: num(radius),
        sides: whole(sides),
        value: num(value),
      }),
  ),
  heavy("default", "overlay(base: image, layers...: image): image", onImages(overlay)),
]
