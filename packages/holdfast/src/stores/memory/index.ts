export { type Engine, MemoryStore, type MemoryStoreOptions } from "./memory-store.ts"
