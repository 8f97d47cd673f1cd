/**
 * Inner loops of kernels on vectors of 16 bytes, in AssemblyScript: `npm run build` makes `dist/simd.wasm` of them.
 *
 * They know nothing of images. `src/kernels/simd.ts` copies what they work on into the memory of the module, a few rows or
 * slices that stay in caches, and the results back. All places are in bytes; arrays may be read and written up to 64 bytes past their ends.
 */
export { spreadSlice } from "./balls"
export { combineBytes, countSet, lookUpSixteen, maskFloats, packBits } from "./bytes"
export { classifyByFew, classifyFloats, countBytes } from "./classes"
export { binFloats, correlateRow, countColumns, countMasked } from "./correlation"
export { findBorder, findSlice, sweepPlane, finishPlane } from "./distance"
export { countFloats, extremesOf, gradientRows, rangeFloats, selectMasked } from "./floats"
export { packRows, paintRows, selectBytes, selectFloats } from "./masks"
