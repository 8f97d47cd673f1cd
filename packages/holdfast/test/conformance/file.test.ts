import { afterAll } from "vitest"
import { fileHarness } from "./file-stores.ts"
import { OtherProcess } from "./other-process.ts"
import { testStoreConformance } from "./store-conformance.ts"

// The keeper and the first connection of each world in this process, all other connections in that one.
const others = new OtherProcess()
afterAll(() => {
  others.end()
})

testStoreConformance(fileHarness("file, in two processes", others, "first"))
