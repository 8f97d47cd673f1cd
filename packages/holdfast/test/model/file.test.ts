import { afterAll } from "vitest"
import { fileHarness } from "../conformance/file-stores.ts"
import { OtherProcess } from "../conformance/other-process.ts"
import { testStoreModel } from "./model-check.ts"

const others = new OtherProcess()
afterAll(() => {
  others.end()
})

testStoreModel(fileHarness("file, in two processes", others, "nobody"), { runs: 4, isSlow: true })
testStoreModel(fileHarness("file, its keeper changing", others, "first"), { runs: 4, isSlow: true })
