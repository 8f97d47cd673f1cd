/** The port and nothing else. */
export type { Store, StoreOutcome } from "./store.ts"
