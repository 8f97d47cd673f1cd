export { type Engine, MemoryStore } from "./memory-store.ts"
