/** The port and nothing else. */
export type { BlobStore, Store, StoreOutcome } from "./store.ts"
