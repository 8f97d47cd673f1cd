/** A lock between threads of one process. */
export { SharedGrant } from "./shared-grant.ts"
export {
  SharedLock,
  type SharedLockHandle,
  type SharedLockOptions,
  type SharedLockView,
  type SharedSyncOptions,
  type SharedWaitOptions,
} from "./shared-lock.ts"
