/** Bias fields and superpixels: namespace `vox1` in the settings of SimpleITK, and `simpleitk` with all of them. */
import { biasField, type BiasFieldParameters } from "../kernels/bias-field.ts"
import { clusterBytes, superpixels } from "../kernels/superpixels.ts"
import { image, isTrue, num, perAxis, whole } from "./argument.ts"
import { type Compute, heavy, sized } from "./heavy.ts"
import { isImage, isSequence, type Primitive, type Value } from "./primitive.ts"

const FIT =
  "convergenceThreshold: number = 0.001, maximumNumberOfIterations: number|sequence = 50, biasFieldFullWidthAtHalfMaximum: number = 0.15, wienerFilterNoise: number = 0.01, numberOfHistogramBins: number = 200, numberOfControlPoints: number|sequence = 4, splineOrder: number = 3"

/** SimpleITK's defaults, in the order of its arguments. */
const DEFAULT_FIT: readonly Value[] = [0.001, 50, 0.15, 0.01, 200, 4, 3]

/** A single number of iterations is meant for each of so many levels. */
const LEVELS = 4

const MASKED = "useMaskLabel: boolean = true, maskLabel: number = 1"

/** Of each voxel whether it is inside, its logarithm, the field and the result. */
const FIT_BYTES = 16

/** Of each place along an axis the splines of all levels, plain, squared and cubed. */
const SPLINE_BYTES = 640

/** Labels, distances and marks. */
const VOXEL_BYTES = 10

export const REGION_PRIMITIVES: readonly Primitive[] = [
  fitting(heavy("vox1", "n4(image: image): image", correcting(DEFAULT_FIT))),
  fitting(heavy("vox1", "n4(image: image, mask: image): image", correcting(DEFAULT_FIT))),
  clustering(
    heavy(
      "vox1",
      "slic(image: image, grid: number|sequence, weight: number): image",
      async ([of, grid, weight], { run }) =>
        await run(superpixels, [image(of)], {
          cell: perAxis(grid, image(of).size.length),
          weight: num(weight),
          iterations: 5,
          isConnected: true,
          isPerturbed: true,
        }),
    ),
  ),
  fitting(heavy("simpleitk", `N4BiasFieldCorrection(image: image, ${FIT}): image`, correcting(null))),
  fitting(
    heavy("simpleitk", `N4BiasFieldCorrection(image: image, mask: image, ${FIT}, ${MASKED}): image`, correcting(null)),
  ),
  clustering(
    heavy(
      "simpleitk",
      "SLIC(image: image, superGridSize: number|sequence = 50, spatialProximityWeight: number = 10, maximumNumberOfIterations: number = 5, enforceConnectivity: boolean = true, initializationPerturbation: boolean = true): image",
      async ([of, cell, weight, iterations, isConnected, isPerturbed], { run }) =>
        await run(superpixels, [image(of)], {
          cell: perAxis(cell, image(of).size.length),
          weight: num(weight),
          iterations: whole(iterations),
          isConnected: isTrue(isConnected),
          isPerturbed: isTrue(isPerturbed),
        }),
    ),
  ),
]

/** A primitive that fits a field of splines. */
function fitting(primitive: Primitive): Primitive {
  return sized(primitive, ([of]) => {
    const { size, voxels } = image(of)
    return FIT_BYTES * voxels.length + SPLINE_BYTES * size.reduce((sum, length) => sum + length, 0)
  })
}

/** A primitive that clusters, by the cells of its second argument. */
function clustering(primitive: Primitive): Primitive {
  return sized(primitive, ([of, grid]) => {
    const { size, voxels } = image(of)
    return VOXEL_BYTES * voxels.length + clusterBytes(image(of), perAxis(grid, size.length))
  })
}

/** With the settings that follow the images, or with these. */
function correcting(given: readonly Value[] | null): Compute {
  return async ([of, ...rest], { run }) => {
    const [mask, ...others] = isImage(rest[0]) ? rest : [null, ...rest]
    const parameters = fitOf(image(of).size.length, given ?? others)
    return await run(biasField, isImage(mask) ? [image(of), mask] : [image(of)], parameters)
  }
}

function fitOf(
  axes: number,
  [threshold, iterations, fullWidth, noise, bins, points, order, isLabel, label]: readonly Value[],
): BiasFieldParameters {
  return {
    threshold: num(threshold),
    iterations: isSequence(iterations)
      ? iterations.map(whole)
      : Array.from({ length: LEVELS }, () => whole(iterations)),
    fullWidth: num(fullWidth),
    noise: num(noise),
    bins: whole(bins),
    points: perAxis(points, axes),
    order: whole(order),
    label: isLabel === undefined || isTrue(isLabel) ? num(label ?? 1) : null,
  }
}
