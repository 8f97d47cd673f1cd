/** All kernels by their names, as threads look them up. */
import { absolute, arithmetic, cast, mask } from "./arithmetic.ts"
import { alpha, blue, green, intensity, red, rgb, rgba } from "./channels.ts"
import { between, comparison } from "./comparison.ts"
import { connectedComponent, lcc, maxvol, through } from "./components.ts"
import { border, constant, x, y, z } from "./coordinates.ts"
import { crossCorrelation } from "./cross-correlation.ts"
import { curvatureFlow } from "./curvature-flow.ts"
import { dt, signedMaurerDistanceMap } from "./distance.ts"
import { discreteGaussian } from "./gaussian.ts"
import { extract, resample } from "./geometry.ts"
import { gradient, gradientMagnitude } from "./gradient.ts"
import { KernelError } from "./kernel-error.ts"
import type { Kernel } from "./kernel.ts"
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
import { percentiles } from "./percentiles.ts"
import { smoothingRecursiveGaussian } from "./recursive-gaussian.ts"
import { relabelComponent } from "./relabel.ts"
import { rescaleIntensity } from "./rescale.ts"
import { average, averageOrZero, maximum, minimum, minimumMaximum, statistics, volume } from "./statistics.ts"
import { sweep, sweepMask } from "./sweep.ts"
import { binaryThreshold } from "./threshold.ts"

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
  anyOf(binaryDilate),
  anyOf(binaryErode),
  anyOf(binaryMorphologicalClosing),
  anyOf(binaryMorphologicalOpening),
  anyOf(binaryThreshold),
  anyOf(blue),
  anyOf(border),
  anyOf(cast),
  anyOf(comparison),
  anyOf(connectedComponent),
  anyOf(constant),
  anyOf(crossCorrelation),
  anyOf(curvatureFlow),
  anyOf(discreteGaussian),
  anyOf(dt),
  anyOf(extract),
  anyOf(gradient),
  anyOf(gradientMagnitude),
  anyOf(green),
  anyOf(intensity),
  anyOf(interior),
  anyOf(lcc),
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
  anyOf(percentiles),
  anyOf(red),
  anyOf(relabelComponent),
  anyOf(resample),
  anyOf(rescaleIntensity),
  anyOf(rgb),
  anyOf(rgba),
  anyOf(signedMaurerDistanceMap),
  anyOf(smoothingRecursiveGaussian),
  anyOf(statistics),
  anyOf(sweep),
  anyOf(sweepMask),
  anyOf(through),
  anyOf(volume),
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
