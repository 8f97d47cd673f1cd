/** All kernels by their names, as threads look them up. */
import { confusion, differences, overlap } from "./agreement.ts"
import { absolute, arithmetic, cast, mask } from "./arithmetic.ts"
import { biasField } from "./bias-field.ts"
import { bitwise, logicalNot } from "./bitwise.ts"
import { alpha, blue, green, intensity, red, rgb, rgba } from "./channels.ts"
import { between, comparison } from "./comparison.ts"
import { connectedComponent, lcc, maxvol, through } from "./components.ts"
import { border, constant, x, y, z } from "./coordinates.ts"
import { crossCorrelation } from "./cross-correlation.ts"
import { curvatureFlow } from "./curvature-flow.ts"
import { dt, signedMaurerDistanceMap } from "./distance.ts"
import { blank, circle, regularPolygon } from "./drawing.ts"
import { discreteGaussian } from "./gaussian.ts"
import { extract, resample } from "./geometry.ts"
import { gradient, gradientMagnitude } from "./gradient.ts"
import { KernelError } from "./kernel-error.ts"
import type { Kernel } from "./kernel.ts"
import { labelMean } from "./label-mean.ts"
import { and, not, or, xor } from "./logic.ts"
import { median } from "./median.ts"
import {
  binaryDilate,
  binaryErode,
  binaryMorphologicalClosing,
  binaryMorphologicalOpening,
  interior,
  near,
} from "./morphology.ts"
import { otsu, otsuThreshold } from "./otsu.ts"
import { overlay } from "./overlay.ts"
import { percentiles } from "./percentiles.ts"
import { smoothingRecursiveGaussian } from "./recursive-gaussian.ts"
import { choose, pointwise } from "./pointwise.ts"
import { relabelComponent } from "./relabel.ts"
import { rescaleIntensity } from "./rescale.ts"
import { average, averageOrZero, maximum, minimum, minimumMaximum, statistics, volume } from "./statistics.ts"
import { surface, surfaceDistances } from "./surface.ts"
import { superpixels } from "./superpixels.ts"
import { sweep, sweepMask } from "./sweep.ts"
import { tally } from "./tally.ts"
import { binaryThreshold } from "./threshold.ts"
import { blob, shrink, spin, timewaste } from "./trials.ts"
import { withinDistance } from "./within-distance.ts"

/** Whatever a kernel's parameters, memory and result are. */
export type AnyKernel = Kernel<unknown, unknown, unknown>

/** A kernel of one kind of memory stands for one of any: it only ever gets what its own `prepare` made. */
function anyOf<Parameters, Memory, Result>(kernel: Kernel<Parameters, Memory, Result>): AnyKernel {
  return kernel
}

export const KERNELS: readonly AnyKernel[] = [
  anyOf(absolute),
  anyOf(alpha),
  anyOf(and),
  anyOf(arithmetic),
  anyOf(average),
  anyOf(averageOrZero),
  anyOf(between),
  anyOf(biasField),
  anyOf(binaryDilate),
  anyOf(binaryErode),
  anyOf(binaryMorphologicalClosing),
  anyOf(binaryMorphologicalOpening),
  anyOf(binaryThreshold),
  anyOf(blank),
  anyOf(blob),
  anyOf(bitwise),
  anyOf(blue),
  anyOf(border),
  anyOf(cast),
  anyOf(choose),
  anyOf(circle),
  anyOf(comparison),
  anyOf(confusion),
  anyOf(connectedComponent),
  anyOf(constant),
  anyOf(crossCorrelation),
  anyOf(curvatureFlow),
  anyOf(differences),
  anyOf(discreteGaussian),
  anyOf(dt),
  anyOf(extract),
  anyOf(gradient),
  anyOf(gradientMagnitude),
  anyOf(green),
  anyOf(intensity),
  anyOf(interior),
  anyOf(labelMean),
  anyOf(lcc),
  anyOf(logicalNot),
  anyOf(mask),
  anyOf(maximum),
  anyOf(maxvol),
  anyOf(median),
  anyOf(minimum),
  anyOf(minimumMaximum),
  anyOf(near),
  anyOf(not),
  anyOf(or),
  anyOf(otsu),
  anyOf(otsuThreshold),
  anyOf(overlap),
  anyOf(overlay),
  anyOf(percentiles),
  anyOf(pointwise),
  anyOf(red),
  anyOf(regularPolygon),
  anyOf(relabelComponent),
  anyOf(resample),
  anyOf(rescaleIntensity),
  anyOf(rgb),
  anyOf(rgba),
  anyOf(shrink),
  anyOf(signedMaurerDistanceMap),
  anyOf(smoothingRecursiveGaussian),
  anyOf(spin),
  anyOf(statistics),
  anyOf(superpixels),
  anyOf(surface),
  anyOf(surfaceDistances),
  anyOf(sweep),
  anyOf(sweepMask),
  anyOf(tally),
  anyOf(through),
  anyOf(timewaste),
  anyOf(volume),
  anyOf(withinDistance),
  anyOf(x),
  anyOf(xor),
  anyOf(y),
  anyOf(z),
]

const BY_NAME: ReadonlyMap<string, AnyKernel> = new Map(KERNELS.map((kernel) => [kernel.name, kernel]))

/** @throws KernelError KERNEL_UNKNOWN */
export function findKernel(name: string): AnyKernel {
  const kernel = BY_NAME.get(name)
  if (kernel !== undefined) return kernel
  throw new KernelError(
    "KERNEL_UNKNOWN",
    `There is no kernel "${name}". Add it to the catalog, where threads look it up.`,
  )
}
