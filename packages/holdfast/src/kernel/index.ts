/** What the layers above use of the kernel. */
export { assertInvariant, InvariantError } from "./assert.ts"
export { Binary, type BlobReader, describeStrange, type Digest, isDigest, storedBinary } from "./binary.ts"
export type * from "./command.ts"
export { ERROR_TABLE, type ErrorCode, type ErrorDetails, HoldfastError, isHoldfastError } from "./errors.ts"
export type * from "./event.ts"
export { type Identity, identify, identifyKey, primitiveKey, Reference } from "./identity.ts"
export type * from "./ids.ts"
export { Kernel, type RestoredState, type StoredRow } from "./kernel.ts"
export type { ClaimRow, LiveChange, LiveKey, LiveRow, SessionHolding } from "./live-state.ts"
export { type CellRow, generationOf, identityOf as runIdentityOf, type RunRow } from "./state.ts"
export type { RowChange } from "./working-set.ts"
export { cellQueueName, checkName, nameClass } from "./names.ts"
export type * from "./outcome.ts"
export {
  decodeArguments,
  decodeValue,
  encodeArguments,
  encodeResult,
  encodeValue,
  freezeValue,
  refuseStored,
  sameValue,
  type Value,
} from "./value.ts"
export type { KernelSnapshot } from "./snapshot.ts"
